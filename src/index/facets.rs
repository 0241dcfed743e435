//! Counts of labels: by number within a segment, by name over all of them.
//!
//! A column can have a hundred thousand labels (authors), and naming one costs more than counting ten. So each segment names
//! its leading ones only, and those that are shown are counted in every segment by name. What leads in no segment, or in too
//! few, is not shown: a label could be missed that is common over all and not among the leading 200 of most.

use std::cmp::Reverse;
use std::collections::HashMap;

use tantivy::DocId;
use tantivy::columnar::{Cardinality, StrColumn};

/// Labels that a segment names.
const NAMED: usize = 200;

/// One field of one segment.
pub(super) struct Counts {
    column: StrColumn,
    /// By the label's number. A segment has fewer documents than fit.
    counts: Vec<u32>,
}

/// Room for a block of documents, used again for each.
#[derive(Default)]
pub(super) struct Block {
    docs: Vec<DocId>,
    rows: Vec<u32>,
    ords: Vec<u64>,
}

impl Counts {
    /// Nothing counted yet.
    pub fn new(column: StrColumn) -> Self {
        let counts = vec![0; column.num_terms()];
        Self { column, counts }
    }

    /// Counts the labels of these documents (ascending): by blocks, which a column reads several times as fast.
    pub fn add(&mut self, docs: &[DocId], block: &mut Block) {
        let ords = self.column.ords();
        let rows = if ords.get_cardinality() == Cardinality::Full {
            docs
        } else {
            block.docs.clear();
            block.rows.clear();
            ords.row_ids_for_docs(docs, &mut block.docs, &mut block.rows);
            &block.rows
        };
        block.ords.clear();
        block.ords.resize(rows.len(), 0);
        ords.values.get_vals(rows, &mut block.ords);
        for ord in &block.ords {
            let place = usize::try_from(*ord).ok();
            if let Some(count) = place.and_then(|ord| self.counts.get_mut(ord)) {
                *count += 1;
            }
        }
    }

    /// The leading labels by name; among equals those that come first in the alphabet. Also whether these are all.
    fn leading(&self) -> tantivy::Result<(HashMap<String, u64>, bool)> {
        let mut counted: Vec<(u64, u64)> = (0..)
            .zip(&self.counts)
            .filter(|(_, count)| **count > 0)
            .map(|(ord, count)| (ord, u64::from(*count)))
            .collect();
        let all = counted.len() <= NAMED;
        if !all {
            counted.select_nth_unstable_by_key(NAMED, |(ord, count)| (Reverse(*count), *ord));
            counted.truncate(NAMED);
        }
        counted.sort_unstable();
        let ords: Vec<u64> = counted.iter().map(|(ord, _)| *ord).collect();
        let mut counts = counted.into_iter().map(|(_, count)| count);
        let mut named = HashMap::with_capacity(ords.len());
        let dictionary = self.column.dictionary();
        dictionary.sorted_ords_to_term_cb(&ords, |term| {
            let count = counts.next().unwrap_or_default();
            if let Ok(name) = std::str::from_utf8(term) {
                named.insert(name.to_owned(), count);
            }
        })?;
        Ok((named, all))
    }

    fn of(&self, label: &str) -> tantivy::Result<u64> {
        let ord = self.column.dictionary().term_ord(label)?;
        let place = ord.and_then(|ord| usize::try_from(ord).ok());
        let count = place.and_then(|ord| self.counts.get(ord));
        Ok(count.copied().map_or(0, u64::from))
    }
}

/// At most `most` labels of a field with their counts, the most frequent first.
pub(super) fn leading(segments: &[Counts], most: usize) -> tantivy::Result<Vec<(String, u64)>> {
    let mut known = Vec::with_capacity(segments.len());
    let mut sums: HashMap<String, u64> = HashMap::new();
    for segment in segments {
        let (named, all) = segment.leading()?;
        for (label, count) in &named {
            match sums.get_mut(label) {
                Some(sum) => *sum += count,
                None => drop(sums.insert(label.clone(), *count)),
            }
        }
        known.push((segment, named, all));
    }
    let mut leading = in_order(sums);
    if known.iter().any(|(_, _, all)| !all) {
        // Those that are shown are counted where they are not named, too.
        leading.truncate(most);
        for (label, sum) in &mut leading {
            for (segment, named, all) in &known {
                if !all && !named.contains_key(label) {
                    *sum += segment.of(label)?;
                }
            }
        }
        leading = in_order(leading);
    }
    leading.truncate(most);
    Ok(leading)
}

fn in_order(counts: impl IntoIterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}
