//! Which fields a document has. A change here changes the hash, and the index is built anew.

use sha2::{Digest, Sha256};
use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};

use super::tokenizer;
use crate::query::{LabelField, NumberField, Scope};
use crate::text::TOKENIZER_VERSION;

/// Counts up when documents are made differently for the same schema.
const DOCUMENT_VERSION: u32 = 1;

/// The fast field that orders lists.
pub(super) const ORDERED_AT: &str = "ordered_at";

/// The fields by name. Labels are single terms, compared byte by byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The post's id; the one field that is stored.
    pub id: Field,
    /// Words of the title.
    pub title: Field,
    /// Words of the body.
    pub text: Field,
    pub source: Field,
    pub network: Field,
    pub lang: Field,
    pub kind: Field,
    pub sentiment: Field,
    pub intent: Field,
    pub emotion: Field,
    pub monitor: Field,
    pub author: Field,
    pub customer: Field,
    /// Names of `query::Flag`, such as `is:linked`.
    pub flag: Field,
    pub score: Field,
    pub rating: Field,
    pub engagement: Field,
    pub followers: Field,
    /// `query::time::time_key` of `Post::ordered_at`.
    pub ordered_at: Field,
}

impl Fields {
    pub(super) fn label(&self, label: LabelField) -> Field {
        match label {
            LabelField::Source => self.source,
            LabelField::Network => self.network,
            LabelField::Lang => self.lang,
            LabelField::Kind => self.kind,
            LabelField::Sentiment => self.sentiment,
            LabelField::Intent => self.intent,
            LabelField::Emotion => self.emotion,
            LabelField::Monitor => self.monitor,
            LabelField::Author => self.author,
            LabelField::Customer => self.customer,
        }
    }

    pub(super) fn number(&self, number: NumberField) -> Field {
        match number {
            NumberField::Score => self.score,
            NumberField::Rating => self.rating,
            NumberField::Engagement => self.engagement,
            NumberField::Followers => self.followers,
        }
    }

    pub(super) fn words(&self, scope: Scope) -> Vec<Field> {
        match scope {
            Scope::Anywhere => vec![self.title, self.text],
            Scope::Title => vec![self.title],
            Scope::Text => vec![self.text],
        }
    }
}

/// Builds the schema.
pub(super) fn build() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let words = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(tokenizer::NAME)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions),
    );
    let label = || STRING | FAST;
    // Ranges read the columns; terms of numbers would be written and never asked for.
    let number = || FAST;
    let fields = Fields {
        id: builder.add_text_field("id", STRING | STORED),
        title: builder.add_text_field("title", words.clone()),
        text: builder.add_text_field("text", words),
        source: builder.add_text_field("source", label()),
        network: builder.add_text_field("network", label()),
        lang: builder.add_text_field("lang", label()),
        kind: builder.add_text_field("kind", label()),
        sentiment: builder.add_text_field("sentiment", label()),
        intent: builder.add_text_field("intent", label()),
        emotion: builder.add_text_field("emotion", label()),
        monitor: builder.add_text_field("monitor", label()),
        author: builder.add_text_field("author", label()),
        customer: builder.add_text_field("customer", label()),
        flag: builder.add_text_field("flag", STRING),
        score: builder.add_f64_field("score", number()),
        rating: builder.add_f64_field("rating", number()),
        engagement: builder.add_f64_field("engagement", number()),
        followers: builder.add_f64_field("followers", number()),
        ordered_at: builder.add_i64_field(ORDERED_AT, number()),
    };
    (builder.build(), fields)
}

/// What must be equal for an index to be used: the schema, the tokeniser, the way documents are made.
pub(super) fn hash(schema: &Schema) -> String {
    let mut digest = Sha256::new();
    for entry in schema.fields() {
        digest.update(format!("{entry:?}").as_bytes());
    }
    digest.update(TOKENIZER_VERSION.to_le_bytes());
    digest.update(DOCUMENT_VERSION.to_le_bytes());
    digest
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
