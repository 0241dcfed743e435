//! Writes a post: a new one, or what changed of a known one.
//!
//! Three kinds of change, told apart: of content (title, text, stars), which keeps the old one as a
//! version; of engagement, which makes a reading; of the rest (URL, parent, time ...), which just
//! replaces. What a source does not know never replaces what is known. `fetched_at` and the first
//! source stay: they say when and how a post came to us.

use jiff::Timestamp;
use rusqlite::{Connection, ToSql, named_params};

use super::authors::upsert_author;
use super::columns::{
    bits, count_opt, hash_bytes, json, micros, micros_opt, to_the_microsecond, variant,
};
use super::error::{Fault, Sql};
use super::mentions::set_ordered_at;
use super::posts::{Row, read_post, row_of};
use crate::domain::{Engagement, Post, PostId, SourceId};

/// `post_sources.last_at` is exact to this many microseconds: an hour, so that a post that is
/// read at each poll does not cost a write each time.
const LAST_AT_STEP: i64 = 3_600_000_000;

/// What became of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Upserted {
    pub(super) row: Row,
    pub(super) new: bool,
    /// Of a known post: another title, text or rating.
    pub(super) content_changed: bool,
    /// Anything that a record shows.
    pub(super) changed: bool,
    pub(super) ordered_at: Timestamp,
}

/// Writes the post as `source` saw it. `matched` counts when it is new: of a known one `set_monitors` says it.
pub(super) fn upsert_post(
    connection: &Connection,
    post: &Post,
    duplicate_of: Option<&PostId>,
    source: &SourceId,
    matched: bool,
    now: Timestamp,
) -> Sql<Upserted> {
    if post.id != post.key.id() {
        return Err(Fault::Refused(format!(
            "{} is not the id that follows from the post's key",
            post.id
        )));
    }
    let upserted = match row_of(connection, &post.id)? {
        None => insert(connection, post, duplicate_of, matched, now)?,
        Some(row) => update(connection, row, post, duplicate_of, now)?,
    };
    connection
        .prepare_cached(
            "INSERT INTO post_sources (post, source, first_at, last_at) VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (post, source) DO UPDATE SET last_at = excluded.last_at
             WHERE last_at + ?4 <= excluded.last_at",
        )?
        .execute((upserted.row, source.as_str(), micros(now), LAST_AT_STEP))?;
    Ok(upserted)
}

fn insert(
    connection: &Connection,
    post: &Post,
    duplicate_of: Option<&PostId>,
    matched: bool,
    now: Timestamp,
) -> Sql<Upserted> {
    // In one statement: a row that is filled in later costs its place in each index twice.
    let row = with_columns(connection, post, duplicate_of, now, |columns| {
        let id = hash_bytes(post.id.as_str());
        let fixed = named_params! {
            ":id": id,
            ":network": post.key.network,
            ":scope": post.key.scope,
            ":native_id": post.key.native_id,
            ":source": post.source.as_str(),
            ":fetched_at": micros(post.fetched_at),
            ":matched": matched,
        };
        let row = connection
            .prepare_cached(
                "INSERT INTO posts (id, network, scope, native_id, source, fetched_at, kind, url, title,
                     text, raw, language, language_confidence, author, profile, followers, likes,
                     replies, shares, rating, rating_best, parent_id, thread_id, repost_of, links,
                     published_at, ordered_at, fingerprint, simhash, duplicate_of, matched)
                 VALUES (:id, :network, :scope, :native_id, :source, :fetched_at, :kind, :url, :title,
                     :text, :raw, :language, :confidence, :author, :profile, :followers, :likes,
                     :replies, :shares, :rating, :best, :parent, :thread, :repost_of, :links,
                     :published_at, :ordered_at, :fingerprint, :simhash, :duplicate_of, :matched)",
            )?
            .insert([fixed, columns].concat().as_slice())?;
        Ok(row)
    })?;
    Ok(Upserted {
        row,
        new: true,
        content_changed: false,
        changed: true,
        ordered_at: post.ordered_at(),
    })
}

fn update(
    connection: &Connection,
    row: Row,
    post: &Post,
    duplicate_of: Option<&PostId>,
    now: Timestamp,
) -> Sql<Upserted> {
    let damaged = || Fault::Damaged("a post that vanished".into());
    let stored = read_post(connection, row)?.ok_or_else(damaged)?;
    let old = stored.post;
    let content_changed = !old.same_content(post);
    let new = merged(&old, post, content_changed);
    let engagement_changed = old.engagement != new.engagement;
    let changed = content_changed || old != new;
    let ordered_at = new.ordered_at();
    if changed {
        if content_changed {
            keep_version(connection, row, now)?;
        }
        if engagement_changed {
            keep_readings(connection, row, &old, new.engagement, now)?;
        }
        let group = match content_changed {
            true => duplicate_of,
            false => stored.duplicate_of.as_ref(),
        };
        // A post is no copy of itself.
        let group = group.filter(|original| **original != post.id);
        with_columns(connection, &new, group, now, |columns| {
            rewrite(connection, row, columns)
        })?;
        if ordered_at != old.ordered_at() {
            set_ordered_at(connection, row, ordered_at)?;
        }
    }
    Ok(Upserted {
        row,
        new: false,
        content_changed,
        changed,
        ordered_at,
    })
}

/// What is known after `post` was read again. Content is taken as a whole; with it what depends on it.
fn merged(old: &Post, post: &Post, content_changed: bool) -> Post {
    let engagement = Engagement {
        likes: post.engagement.likes.or(old.engagement.likes),
        replies: post.engagement.replies.or(old.engagement.replies),
        shares: post.engagement.shares.or(old.engagement.shares),
    };
    let published_at = post.published_at.map(to_the_microsecond);
    let mut new = Post {
        kind: post.kind,
        url: post.url.clone().or_else(|| old.url.clone()),
        engagement,
        parent_id: post.parent_id.clone().or_else(|| old.parent_id.clone()),
        thread_id: post.thread_id.clone().or_else(|| old.thread_id.clone()),
        repost_of: post.repost_of.clone().or_else(|| old.repost_of.clone()),
        published_at: published_at.or(old.published_at),
        author: old.author.clone().or_else(|| post.author.clone()),
        ..old.clone()
    };
    if content_changed {
        new.title = post.title.clone();
        new.text = post.text.clone();
        new.raw = post.raw.clone();
        new.rating = post.rating;
        new.language = post.language.clone();
        new.links = post.links.clone();
        new.fingerprint = post.fingerprint;
        new.author = post.author.clone().or_else(|| old.author.clone());
    }
    new
}

/// Hands `write` the values of every column that can change, by name.
fn with_columns<T>(
    connection: &Connection,
    post: &Post,
    duplicate_of: Option<&PostId>,
    now: Timestamp,
    write: impl FnOnce(&[(&str, &dyn ToSql)]) -> Sql<T>,
) -> Sql<T> {
    let author = match &post.author {
        Some(author) => Some(upsert_author(connection, &post.key, author, now)?),
        None => None,
    };
    let followers = post.author.as_ref().and_then(|author| author.followers);
    let links = match post.links.is_empty() {
        true => None,
        false => Some(json(&post.links)?),
    };
    let original = match duplicate_of {
        Some(original) => row_of(connection, original)?,
        None => None,
    };
    write(named_params! {
        ":kind": variant(&post.kind)?,
        ":url": post.url,
        ":title": post.title,
        ":text": post.text,
        ":raw": Some(&post.raw).filter(|raw| **raw != post.text),
        ":language": post.language.code,
        ":confidence": post.language.confidence,
        ":author": author.map(|author| author.row),
        ":profile": author.map(|author| author.profile),
        ":followers": count_opt(followers),
        ":likes": count_opt(post.engagement.likes),
        ":replies": count_opt(post.engagement.replies),
        ":shares": count_opt(post.engagement.shares),
        ":rating": post.rating.map(|rating| rating.value),
        ":best": post.rating.map(|rating| rating.best),
        ":parent": post.parent_id,
        ":thread": post.thread_id,
        ":repost_of": post.repost_of,
        ":links": links,
        ":published_at": micros_opt(post.published_at),
        ":ordered_at": micros(post.ordered_at()),
        ":fingerprint": bits(post.fingerprint.exact),
        ":simhash": post.fingerprint.simhash.map(bits),
        ":duplicate_of": original,
    })
}

/// Writes every column that can change into the row that is there.
fn rewrite(connection: &Connection, row: Row, columns: &[(&str, &dyn ToSql)]) -> Sql<()> {
    let place: &[(&str, &dyn ToSql)] = named_params! { ":row": row };
    connection
        .prepare_cached(
            "UPDATE posts SET kind = :kind, url = :url, title = :title, text = :text, raw = :raw,
                 language = :language, language_confidence = :confidence, author = :author,
                 profile = :profile, followers = :followers, likes = :likes, replies = :replies,
                 shares = :shares, rating = :rating, rating_best = :best, parent_id = :parent,
                 thread_id = :thread, repost_of = :repost_of, links = :links,
                 published_at = :published_at, ordered_at = :ordered_at,
                 fingerprint = :fingerprint, simhash = :simhash, duplicate_of = :duplicate_of
             WHERE row = :row",
        )?
        .execute([place, columns].concat().as_slice())?;
    Ok(())
}

fn keep_version(connection: &Connection, row: Row, now: Timestamp) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT INTO post_versions (post, version, replaced_at, title, text, rating, rating_best)
             SELECT row, (SELECT count(*) + 1 FROM post_versions WHERE post = ?1), ?2,
                    title, text, rating, rating_best
             FROM posts WHERE row = ?1",
        )?
        .execute((row, micros(now)))?;
    Ok(())
}

/// Keeps the reading, and before the first one what was read when the post came.
fn keep_readings(
    connection: &Connection,
    row: Row,
    old: &Post,
    new: Engagement,
    now: Timestamp,
) -> Sql<()> {
    let mut any =
        connection.prepare_cached("SELECT 1 FROM engagement_readings WHERE post = ?1 LIMIT 1")?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO engagement_readings (post, at, likes, replies, shares)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (post, at) DO UPDATE SET likes = excluded.likes, replies = excluded.replies,
             shares = excluded.shares",
    )?;
    let mut readings = vec![(now, new)];
    if !any.exists([row])? && old.engagement != Engagement::default() {
        readings.insert(0, (old.fetched_at, old.engagement));
    }
    for (at, reading) in readings {
        insert.execute((
            row,
            micros(at),
            count_opt(reading.likes),
            count_opt(reading.replies),
            count_opt(reading.shares),
        ))?;
    }
    Ok(())
}
