//! A model's directory as Hugging Face lays it out: which files there are and what they say.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rust_bert::pipelines::common::{ModelResource, ModelType};
use rust_bert::resources::LocalResource;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::super::AnalyzeError;
use super::super::labels::HASH_DIGITS;
use crate::config::ModelConfig;
use crate::domain::{ModelId, hex};

/// Most tokens of a text that a model reads: posts are short, and attention costs the square.
const MAX_TOKENS: usize = 256;

/// What a directory holds.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub(super) id: ModelId,
    pub(super) model_type: ModelType,
    pub(super) config: PathBuf,
    weights: PathBuf,
    pub(super) vocabulary: PathBuf,
    pub(super) merges: Option<PathBuf>,
    pub(super) lower_case: bool,
    /// The names of its outputs, in order.
    pub(super) labels: Vec<String>,
    /// Whether its outputs are independent of each other.
    pub(super) multi_label: bool,
    pub(super) max_tokens: usize,
}

#[derive(Debug, Deserialize)]
struct ConfigFile {
    model_type: String,
    #[serde(default)]
    id2label: BTreeMap<String, String>,
    problem_type: Option<String>,
    max_position_embeddings: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
struct TokenizerFile {
    do_lower_case: Option<bool>,
}

impl Directory {
    /// Looks into a directory and hashes its weights.
    pub(super) fn open(model: &ModelConfig) -> Result<Self, AnalyzeError> {
        let fault = |reason: String| AnalyzeError::Load {
            part: "directory",
            reason: format!("{}: {reason}", model.path.display()),
        };
        let config = model.path.join("config.json");
        let file: ConfigFile = json(&config).map_err(fault)?;
        let kind = Kind::named(&file.model_type).map_err(fault)?;
        let tokenizer = model.path.join("tokenizer_config.json");
        let tokenizer: TokenizerFile = match tokenizer.exists() {
            true => json(&tokenizer).map_err(fault)?,
            false => TokenizerFile::default(),
        };
        let one_of = |names: &[&str]| {
            let paths = names.iter().map(|name| model.path.join(name));
            let found = paths.into_iter().find(|path| path.exists());
            found.ok_or_else(|| fault(format!("there is no {}", names.join(" or "))))
        };
        let weights = one_of(&["model.safetensors", "rust_model.ot"])?;
        let hash = hash(&weights).map_err(fault)?;
        let mut labels: Vec<(usize, String)> = Vec::new();
        for (number, name) in file.id2label {
            let number = number
                .parse()
                .map_err(|_| fault(format!("config.json: id2label has the number \"{number}\"")))?;
            labels.push((number, name));
        }
        labels.sort();
        Ok(Self {
            id: ModelId::parse(format!("{}@{hash}", model.id))
                .map_err(|error| fault(error.to_string()))?,
            model_type: kind.model_type,
            vocabulary: one_of(kind.vocabulary)?,
            merges: kind.merges.map(|name| one_of(&[name])).transpose()?,
            config,
            weights,
            lower_case: tokenizer.do_lower_case.unwrap_or(kind.lower_case),
            labels: labels.into_iter().map(|(_, name)| name).collect(),
            multi_label: file.problem_type.as_deref() == Some("multi_label_classification"),
            max_tokens: file.max_position_embeddings.map_or(MAX_TOKENS, |most| {
                most.saturating_sub(kind.reserved).clamp(8, MAX_TOKENS)
            }),
        })
    }

    /// Size of the weights in bytes.
    pub(super) fn weight_bytes(&self) -> usize {
        let length = std::fs::metadata(&self.weights).map_or(0, |file| file.len());
        usize::try_from(length).unwrap_or(usize::MAX)
    }

    pub(super) fn weights(&self) -> ModelResource {
        ModelResource::Torch(Box::new(resource(&self.weights)))
    }
}

/// A file as rust-bert takes it.
pub(super) fn resource(path: &Path) -> LocalResource {
    LocalResource::from(path.to_owned())
}

/// What differs between families of models.
struct Kind {
    model_type: ModelType,
    vocabulary: &'static [&'static str],
    merges: Option<&'static str>,
    /// Whether its texts are lower-cased where the directory does not say.
    lower_case: bool,
    /// Positions that no token takes.
    reserved: usize,
}

impl Kind {
    fn named(name: &str) -> Result<Self, String> {
        let kind = |model_type, vocabulary, merges, lower_case, reserved| Self {
            model_type,
            vocabulary,
            merges,
            lower_case,
            reserved,
        };
        let words: &[&str] = &["vocab.txt"];
        let bytes: &[&str] = &["vocab.json"];
        Ok(match name {
            "bert" => kind(ModelType::Bert, words, None, true, 0),
            "distilbert" => kind(ModelType::DistilBert, words, None, true, 0),
            "roberta" => kind(ModelType::Roberta, bytes, Some("merges.txt"), false, 2),
            "bart" => kind(ModelType::Bart, bytes, Some("merges.txt"), false, 0),
            "xlm-roberta" => kind(
                ModelType::XLMRoberta,
                &["sentencepiece.bpe.model"],
                None,
                false,
                2,
            ),
            other => {
                return Err(format!(
                    "config.json: model_type \"{other}\" is not one of bert, distilbert, roberta, bart, xlm-roberta"
                ));
            }
        })
    }
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{name} cannot be read ({error})"))?;
    serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))
}

/// The first digits of a file's SHA-256.
fn hash(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the weights cannot be read ({error})");
    let mut file = File::open(path).map_err(unreadable)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut buffer).map_err(unreadable)?;
        if length == 0 {
            break;
        }
        digest.update(&buffer[..length]);
    }
    let mut hash = hex(&digest.finalize());
    hash.truncate(HASH_DIGITS);
    Ok(hash)
}
