//! Writes analyses and embeddings, and reads analyses.
//!
//! The names of a model's labels are stored once (`label_sets`); an analysis keeps probabilities and flags
//! in a blob: one byte that says how wide a probability is (4 or 8 bytes), the probabilities,
//! little-endian, then one bit a label for `present`. 4 bytes are used when they lose nothing, which
//! is so for what a model computes in 32 bits: 44 labels are 182 bytes instead of 2,500 as JSON.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::columns::{Columns, json, name, unjson, unvariant, variant};
use super::corrections::{corrected, forget_correction};
use super::error::{Fault, Sql};
use super::posts::Row;
use crate::domain::analysis::LabelScore;
use crate::domain::{Analysis, EmotionScores, IntentScores, ModelId, Sentiment};

/// The names of a model's labels, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LabelNames {
    ekman: Vec<String>,
    fine: Vec<String>,
    intents: Vec<String>,
}

/// Label names by row, as far as they were met.
pub(super) type LabelSets = HashMap<i64, LabelNames>;

/// Keeps the analysis, with what a person corrected; whether it differs from the one that was there. An empty embedding leaves the
/// stored one, unless `content_changed`.
pub(super) fn set_analysis(
    connection: &Connection,
    post: Row,
    analysis: &Analysis,
    content_changed: bool,
) -> Sql<bool> {
    if content_changed {
        forget_correction(connection, post)?;
    }
    let analysis = &corrected(connection, post, analysis.clone())?;
    let old = read_analysis(connection, post, &mut LabelSets::new())?;
    let same = old.is_some_and(|old| {
        Analysis {
            embedding: analysis.embedding.clone(),
            ..old
        } == *analysis
    });
    if !same {
        write_analysis(connection, post, analysis)?;
    }
    if !analysis.embedding.is_empty() {
        let bytes: Vec<u8> = analysis
            .embedding
            .iter()
            .map(|v| v.cast_unsigned())
            .collect();
        connection
            .prepare_cached(
                "INSERT INTO embeddings (post, vector) VALUES (?1, ?2)
                 ON CONFLICT (post) DO UPDATE SET vector = excluded.vector
                 WHERE vector <> excluded.vector",
            )?
            .execute((post, bytes))?;
    } else if content_changed {
        delete_embedding(connection, post)?;
    }
    Ok(!same)
}

/// Removes analysis, correction and embedding; whether there was an analysis.
pub(super) fn delete_analysis(connection: &Connection, post: Row) -> Sql<bool> {
    forget_correction(connection, post)?;
    delete_embedding(connection, post)?;
    let deleted = connection
        .prepare_cached("DELETE FROM analyses WHERE post = ?1")?
        .execute([post])?;
    Ok(deleted == 1)
}

fn delete_embedding(connection: &Connection, post: Row) -> Sql<()> {
    connection
        .prepare_cached("DELETE FROM embeddings WHERE post = ?1")?
        .execute([post])?;
    Ok(())
}

fn write_analysis(connection: &Connection, post: Row, analysis: &Analysis) -> Sql<()> {
    let names = |scores: &[LabelScore]| scores.iter().map(|s| s.label.clone()).collect();
    let names = LabelNames {
        ekman: names(&analysis.emotions.ekman),
        fine: names(&analysis.emotions.fine),
        intents: names(&analysis.intents.0),
    };
    let scores: Vec<&LabelScore> = analysis
        .emotions
        .ekman
        .iter()
        .chain(&analysis.emotions.fine)
        .chain(&analysis.intents.0)
        .collect();
    let model = interned(
        connection,
        analysis.model.as_str(),
        "SELECT row FROM models WHERE id = ?1",
        "INSERT INTO models (id) VALUES (?1)",
    )?;
    let label_set = interned(
        connection,
        &json(&names)?,
        "SELECT row FROM label_sets WHERE names = ?1",
        "INSERT INTO label_sets (names) VALUES (?1)",
    )?;
    let entities = &analysis.entities;
    let entities = (!entities.is_empty()).then(|| json(entities)).transpose()?;
    let sentiment = &analysis.sentiment;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO analyses
             (post, model, supported, label, score, negative, neutral, positive, label_set, labels, urgency, entities)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute((
            post,
            model,
            analysis.supported,
            variant(&sentiment.label)?,
            sentiment.score,
            sentiment.negative,
            sentiment.neutral,
            sentiment.positive,
            label_set,
            encode(&scores),
            analysis.urgency,
            entities,
        ))?;
    Ok(())
}

fn interned(connection: &Connection, text: &str, find: &str, insert: &str) -> Sql<i64> {
    let mut statement = connection.prepare_cached(find)?;
    let found = statement.query_row([text], |row| row.get(0)).optional()?;
    match found {
        Some(row) => Ok(row),
        None => Ok(connection.prepare_cached(insert)?.insert([text])?),
    }
}

/// The post's analysis without its embedding.
pub(super) fn read_analysis(
    connection: &Connection,
    post: Row,
    label_sets: &mut LabelSets,
) -> Sql<Option<Analysis>> {
    let mut statement = connection.prepare_cached(
        "SELECT m.id, a.supported, a.label, a.score, a.negative, a.neutral, a.positive,
                a.label_set, a.labels, a.urgency, a.entities
         FROM analyses a JOIN models m ON m.row = a.model WHERE a.post = ?1",
    )?;
    let mut rows = statement.query([post])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut columns = Columns::new(row);
    let model = name(ModelId::parse, columns.next()?)?;
    let supported = columns.next()?;
    let sentiment = Sentiment {
        label: unvariant(columns.next()?)?,
        score: columns.next()?,
        negative: columns.next()?,
        neutral: columns.next()?,
        positive: columns.next()?,
    };
    let set: i64 = columns.next()?;
    let blob: Vec<u8> = columns.next()?;
    let urgency = columns.next()?;
    let entities: Option<String> = columns.next()?;
    let entities = entities.map(|text| unjson(&text)).transpose()?;
    let damaged = || Fault::Damaged("an analysis whose labels do not fit its names".into());
    let names = match label_sets.entry(set) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(place) => place.insert(read_label_set(connection, set)?),
    };
    let total = names.ekman.len() + names.fine.len() + names.intents.len();
    let mut values = decode(&blob, total).ok_or_else(damaged)?.into_iter();
    let mut scores = |names: &[String]| -> Vec<LabelScore> {
        let values = values.by_ref().take(names.len());
        let pairs = names.iter().zip(values);
        pairs
            .map(|(label, (probability, present))| LabelScore {
                label: label.clone(),
                probability,
                present,
            })
            .collect()
    };
    Ok(Some(Analysis {
        model,
        supported,
        sentiment,
        emotions: EmotionScores {
            ekman: scores(&names.ekman),
            fine: scores(&names.fine),
        },
        intents: IntentScores(scores(&names.intents)),
        urgency,
        entities: entities.unwrap_or_default(),
        embedding: Vec::new(),
    }))
}

fn read_label_set(connection: &Connection, set: i64) -> Sql<LabelNames> {
    let mut statement = connection.prepare_cached("SELECT names FROM label_sets WHERE row = ?1")?;
    let names: String = statement.query_row([set], |row| row.get(0))?;
    unjson(&names)
}

const NARROW: u8 = 4;
const WIDE: u8 = 8;

#[allow(clippy::cast_possible_truncation)]
fn encode(scores: &[&LabelScore]) -> Vec<u8> {
    let narrow = |value: f64| value as f32;
    let lossless = scores
        .iter()
        .all(|score| f64::from(narrow(score.probability)) == score.probability);
    let mut blob = vec![if lossless { NARROW } else { WIDE }];
    for score in scores {
        match lossless {
            true => blob.extend(narrow(score.probability).to_le_bytes()),
            false => blob.extend(score.probability.to_le_bytes()),
        }
    }
    for eight in scores.chunks(8) {
        let bits = eight.iter().enumerate();
        blob.push(bits.fold(0, |byte, (bit, score)| {
            byte | u8::from(score.present) << bit
        }));
    }
    blob
}

/// Probabilities and flags of `total` labels; `None` when the blob is not that long.
fn decode(blob: &[u8], total: usize) -> Option<Vec<(f64, bool)>> {
    let (width, rest) = blob.split_first()?;
    if !matches!(*width, NARROW | WIDE) {
        return None;
    }
    let (probabilities, flags) = rest.split_at_checked(total * usize::from(*width))?;
    if flags.len() != total.div_ceil(8) {
        return None;
    }
    let present = |at: usize| flags[at / 8] >> (at % 8) & 1 == 1;
    let chunks = probabilities.chunks(usize::from(*width));
    let values = chunks.enumerate().map(|(at, bytes)| {
        let value = match *width {
            NARROW => f64::from(f32::from_le_bytes(bytes.try_into().ok()?)),
            _ => f64::from_le_bytes(bytes.try_into().ok()?),
        };
        Some((value, present(at)))
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_come_back_exactly_in_the_smaller_form_that_holds_them() {
        let scores = |values: &[f64]| -> Vec<LabelScore> {
            let scores = values.iter().enumerate();
            scores
                .map(|(at, value)| LabelScore {
                    label: at.to_string(),
                    probability: *value,
                    present: at % 3 == 0,
                })
                .collect()
        };
        let half: Vec<f64> = (0..44).map(|n| f64::from(n as f32 / 64.0)).collect();
        for (values, length) in [
            (half, 1 + 44 * 4 + 6),
            (vec![0.1; 9], 1 + 9 * 8 + 2),
            (vec![], 1),
        ] {
            let scores = scores(&values);
            let blob = encode(&scores.iter().collect::<Vec<_>>());
            assert_eq!(blob.len(), length);
            let back = decode(&blob, values.len()).unwrap();
            for (score, (probability, present)) in scores.iter().zip(&back) {
                assert_eq!((score.probability, score.present), (*probability, *present));
            }
            assert_eq!(back.len(), values.len());
            assert_eq!(decode(&blob, values.len() + 1), None);
        }
    }
}
