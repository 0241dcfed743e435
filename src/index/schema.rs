//! Which fields a document has. A change here changes the hash, and the index is built anew.

use sha2::{Digest, Sha256};
use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};

use super::tokenizer;
use crate::domain::hex;
use crate::query::{AddressField, LabelField, NumberField, Scope};
use crate::text::TOKENIZER_VERSION;

/// Counts up when documents are made differently for the same schema.
const DOCUMENT_VERSION: u32 = 2;

/// The fast field of authors' handles.
const HANDLE: &str = "handle";
/// The fast field that orders lists.
pub(super) const ORDERED_AT: &str = "ordered_at";
/// The fast field with a post's own number, for posts that are equal otherwise.
pub(super) const TIE: &str = "tie";
/// The fast field of likes, replies and shares.
pub(super) const ENGAGEMENT: &str = "engagement";
/// The fast field of the sentiment score.
pub(super) const SCORE: &str = "score";

/// The fields by name. Labels are single terms, compared byte by byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The post's id; the one field that is stored.
    pub id: Field,
    /// Words of the title.
    pub title: Field,
    /// Words of the body.
    pub text: Field,
    /// Words of the title whose written form differs from the folded one: `written_exactly`.
    pub title_exact: Field,
    /// The same of the body.
    pub text_exact: Field,
    /// Words of the author's name.
    pub author_name: Field,
    /// Words of the author's description.
    pub bio: Field,
    pub source: Field,
    pub network: Field,
    pub lang: Field,
    pub kind: Field,
    pub sentiment: Field,
    pub intent: Field,
    pub emotion: Field,
    pub monitor: Field,
    pub author: Field,
    /// The handle alone, which is counted; `author` has the public id, too.
    pub handle: Field,
    pub customer: Field,
    pub segment: Field,
    pub site: Field,
    pub link_site: Field,
    pub duplicate: Field,
    /// Addresses, in the form of `query::address`.
    pub url: Field,
    pub link: Field,
    /// Names of `query::Flag`, such as `is:linked`.
    pub flag: Field,
    pub score: Field,
    pub urgency: Field,
    pub rating: Field,
    pub engagement: Field,
    pub followers: Field,
    /// `query::time::time_key` of `Post::ordered_at`.
    pub ordered_at: Field,
    /// The first 8 bytes of the post's id.
    pub tie: Field,
}

impl Fields {
    pub(super) fn label(&self, label: LabelField) -> Field {
        match label {
            LabelField::Source => self.source,
            LabelField::Network => self.network,
            LabelField::Lang => self.lang,
            LabelField::Kind => self.kind,
            LabelField::Sentiment => self.sentiment,
            LabelField::Intent | LabelField::Label => self.intent,
            LabelField::Emotion => self.emotion,
            LabelField::Monitor => self.monitor,
            LabelField::Author => self.author,
            LabelField::Customer => self.customer,
            LabelField::Segment => self.segment,
            LabelField::Site => self.site,
            LabelField::LinkSite => self.link_site,
            LabelField::Duplicate => self.duplicate,
        }
    }

    pub(super) fn number(&self, number: NumberField) -> Field {
        match number {
            NumberField::Score => self.score,
            NumberField::Urgency => self.urgency,
            NumberField::Rating => self.rating,
            NumberField::Engagement => self.engagement,
            NumberField::Followers => self.followers,
        }
    }

    pub(super) fn address(&self, address: AddressField) -> Field {
        match address {
            AddressField::Url => self.url,
            AddressField::Link => self.link,
        }
    }

    pub(super) fn words(&self, scope: Scope) -> Vec<WordField> {
        let field = |words, exact| WordField { words, exact };
        let title = field(self.title, Some(self.title_exact));
        let text = field(self.text, Some(self.text_exact));
        match scope {
            Scope::Anywhere => vec![title, text],
            Scope::Title => vec![title],
            Scope::Text => vec![text],
            Scope::AuthorName => vec![field(self.author_name, None)],
            Scope::Bio => vec![field(self.bio, None)],
        }
    }
}

/// The column whose values are counted for a label.
#[must_use]
pub fn facet_column(label: LabelField) -> &'static str {
    match label {
        LabelField::Author => HANDLE,
        other => other.as_str(),
    }
}

/// A field of words.
#[derive(Debug, Clone, Copy)]
pub(super) struct WordField {
    /// Folded words.
    pub words: Field,
    /// How those are written that differ from it; the same positions.
    pub exact: Option<Field>,
}

/// The term of a word that is written otherwise than folded. No folded word holds the separator.
pub(super) fn written_exactly(folded: &str, written: &str) -> String {
    format!("{folded}\u{1}{written}")
}

/// Builds the schema.
pub(super) fn build() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let by = |tokenizer: &str, lengths: bool| {
        TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer(tokenizer)
                .set_fieldnorms(lengths)
                .set_index_option(IndexRecordOption::WithFreqsAndPositions),
        )
    };
    let words = by(tokenizer::NAME, true);
    // Never scored, so that lengths are not kept.
    let exact = by(tokenizer::EXACT, false);
    let label = || STRING | FAST;
    // Ranges read the columns; terms of numbers would be written and never asked for.
    let number = || FAST;
    let fields = Fields {
        id: builder.add_text_field("id", STRING | STORED),
        title: builder.add_text_field("title", words.clone()),
        text: builder.add_text_field("text", words.clone()),
        title_exact: builder.add_text_field("title_exact", exact.clone()),
        text_exact: builder.add_text_field("text_exact", exact),
        author_name: builder.add_text_field("author_name", words.clone()),
        bio: builder.add_text_field("bio", words),
        source: builder.add_text_field("source", label()),
        network: builder.add_text_field("network", label()),
        lang: builder.add_text_field("lang", label()),
        kind: builder.add_text_field("kind", label()),
        sentiment: builder.add_text_field("sentiment", label()),
        intent: builder.add_text_field("intent", label()),
        emotion: builder.add_text_field("emotion", label()),
        monitor: builder.add_text_field("monitor", label()),
        author: builder.add_text_field("author", STRING),
        handle: builder.add_text_field(HANDLE, FAST),
        customer: builder.add_text_field("customer", label()),
        segment: builder.add_text_field("segment", label()),
        site: builder.add_text_field("site", STRING),
        link_site: builder.add_text_field("link_site", STRING),
        duplicate: builder.add_text_field("duplicate", STRING),
        url: builder.add_text_field("url", STRING),
        link: builder.add_text_field("link", STRING),
        flag: builder.add_text_field("flag", STRING),
        score: builder.add_f64_field(SCORE, number()),
        urgency: builder.add_f64_field("urgency", number()),
        rating: builder.add_f64_field("rating", number()),
        engagement: builder.add_f64_field(ENGAGEMENT, number()),
        followers: builder.add_f64_field("followers", number()),
        ordered_at: builder.add_i64_field(ORDERED_AT, number()),
        tie: builder.add_u64_field(TIE, number()),
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
    hex(&digest.finalize()[..8])
}
