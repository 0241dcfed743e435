//! A post's record as a document: says exactly what `query::matches` sees, with the same functions.

use tantivy::TantivyDocument;
use tantivy::schema::Field;

use super::schema::Fields;
use crate::domain::{PostId, PostRecord};
use crate::query::address::sites;
use crate::query::matcher::{
    addresses, author_keys, engagement, followers, group_keys, handle, rating, score, segment,
    urgency,
};
use crate::query::time::time_key;
use crate::query::tokens::{author_name, bio};
use crate::query::{AddressField, Flag, LabelField};

/// Longer labels are left out: no query is long enough to ask for them.
const MAX_LABEL_BYTES: usize = 4096;

/// Makes the document of a record.
pub(super) fn document(record: &PostRecord, fields: &Fields) -> TantivyDocument {
    let post = &record.post;
    let mut document = TantivyDocument::new();
    document.add_text(fields.id, post.id.as_str());
    document.add_text(fields.title, post.title.as_deref().unwrap_or_default());
    document.add_text(fields.text, &post.text);
    document.add_text(
        fields.title_exact,
        post.title.as_deref().unwrap_or_default(),
    );
    document.add_text(fields.text_exact, &post.text);
    document.add_text(fields.author_name, author_name(post));
    document.add_text(fields.bio, bio(post));
    document.add_i64(fields.ordered_at, time_key(post.ordered_at()));
    document.add_u64(fields.tie, tie(&post.id));
    document.add_f64(fields.engagement, engagement(post));
    add_f64(&mut document, fields.rating, rating(post));
    add_f64(&mut document, fields.followers, followers(post));

    let analysis = record.analysis.as_ref();
    add_f64(&mut document, fields.score, analysis.and_then(score));
    add_f64(&mut document, fields.urgency, analysis.and_then(urgency));
    let mut label = |label: LabelField, value: &str| {
        if value.len() <= MAX_LABEL_BYTES {
            document.add_text(fields.label(label), value);
        }
    };
    label(LabelField::Source, post.source.as_str());
    label(LabelField::Network, &post.key.network.to_lowercase());
    label(LabelField::Lang, &post.language.code);
    label(LabelField::Kind, post.kind.as_str());
    for key in author_keys(post) {
        label(LabelField::Author, &key);
    }
    for monitor in &record.monitors {
        label(LabelField::Monitor, monitor.as_str());
    }
    if let Some((customer, _)) = &record.customer {
        label(LabelField::Customer, customer.id.as_str());
        if let Some(segment) = segment(customer) {
            label(LabelField::Segment, &segment);
        }
    }
    for key in group_keys(post, record.duplicate_of.as_ref()) {
        label(LabelField::Duplicate, key);
    }
    for field in AddressField::ALL {
        let site = match field {
            AddressField::Url => LabelField::Site,
            AddressField::Link => LabelField::LinkSite,
        };
        for address in addresses(post, *field) {
            sites(&address).for_each(|host| label(site, host));
        }
    }
    if let Some(analysis) = analysis {
        if let Some(sentiment) = analysis.sentiment_label() {
            label(LabelField::Sentiment, sentiment.as_str());
        }
        analysis
            .present_intents()
            .for_each(|intent| label(LabelField::Intent, intent));
        analysis
            .present_emotions()
            .for_each(|emotion| label(LabelField::Emotion, emotion));
    }
    for field in AddressField::ALL {
        for address in addresses(post, *field).filter(|address| address.len() <= MAX_LABEL_BYTES) {
            document.add_text(fields.address(*field), address);
        }
    }
    if let Some(handle) = handle(post).filter(|handle| handle.len() <= MAX_LABEL_BYTES) {
        document.add_text(fields.handle, handle);
    }
    for flag in Flag::ALL {
        let holds = match flag {
            Flag::Linked => record.customer.is_some(),
            Flag::Verified => post.author.as_ref().is_some_and(|author| author.verified),
            Flag::HasRating => post.rating.is_some(),
            Flag::HasLink => !post.links.is_empty(),
        };
        if holds {
            document.add_text(fields.flag, flag.as_str());
        }
    }
    document
}

/// The first 8 bytes of the hash that the id is.
pub(super) fn tie(id: &PostId) -> u64 {
    let digits = id.as_str().split_once('_').map_or("", |(_, hash)| hash);
    digits
        .get(..16)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

fn add_f64(document: &mut TantivyDocument, field: Field, value: Option<f64>) {
    if let Some(value) = value {
        document.add_f64(field, value);
    }
}
