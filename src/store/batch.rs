//! What one poll brought, in one transaction: posts, mentions, analyses, links, authors, events, the cursor
//! with its HTTP state, status and rejects.
//!
//! The same batch twice changes nothing the second time. Never moves a cursor without the posts that
//! were read on the way.

use jiff::Timestamp;
use rusqlite::Connection;

use super::Store;
use super::analyses::{delete_analysis, set_analysis};
use super::authors::author_row;
use super::changes::{mark_changed, mark_new, read_tip};
use super::cursors::set_cursor;
use super::customers::tell;
use super::error::{Sql, StoreError};
use super::events::add_event;
use super::links::put_links;
use super::mentions::{add_monitors, set_monitors};
use super::posts::is_forgotten;
use super::purge::{Reason, remove_post};
use super::status::{add_rejects, set_status};
use super::upsert::upsert_post;
use crate::domain::{
    Analysis, Cursor, Event, Link, MonitorId, Post, PostId, Reject, SourceId, SourceStatus,
};

/// What one poll brought.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchCommit {
    /// Who was polled.
    pub source: SourceId,
    /// Where the next poll begins, with the HTTP state.
    pub cursor: Cursor,
    /// How the source fares now.
    pub status: SourceStatus,
    /// New, changed and unchanged posts, originals before their copies.
    pub posts: Vec<PostCommit>,
    /// What could not be understood.
    pub rejects: Vec<Reject>,
    /// What the network says is gone. Of mentions, the store adds `mention.deleted`.
    pub deleted: Vec<PostId>,
    /// What is not kept because nothing matches it: the ids alone are remembered.
    pub forgotten: Vec<PostId>,
    /// Events that belong to no post of the batch.
    pub events: Vec<Event>,
    /// The time of the commit.
    pub now: Timestamp,
}

/// One post of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct PostCommit {
    /// The post.
    pub post: Post,
    /// Its score. Without one, an unchanged post keeps the one that it has; of a changed text the old one goes.
    pub analysis: Option<Analysis>,
    /// All monitors that match it now.
    pub monitors: Vec<MonitorId>,
    /// The first post of its group, when it is a copy. Counts when the post is new or its text changed.
    pub duplicate_of: Option<PostId>,
    /// Links of its author. Others that the author has stay; of new ones the store adds `customer.linked`.
    pub links: Vec<Link>,
    /// What happened to it; left out with the post when the post is forgotten.
    pub events: Vec<Event>,
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// The newest change's number, for who wants to wait until the index has it.
    pub last_seq: u64,
    /// Posts that were not there.
    pub new_posts: u64,
    /// Posts that were there and whose record is different now.
    pub changed_posts: u64,
    /// Posts left out because they were deleted or dropped before.
    pub forgotten_posts: u64,
    /// Posts taken out.
    pub deleted_posts: u64,
    /// Events added, those of the store included.
    pub events: u64,
}

impl Store {
    /// Commits what a poll brought. Answers when it is on disk; after an error nothing of it is.
    ///
    /// # Errors
    /// When the store cannot be written, or a post's id does not follow from its key.
    pub async fn commit_batch(&self, batch: BatchCommit) -> Result<Committed, StoreError> {
        self.write(move |connection| commit(connection, &batch))
            .await
    }
}

fn commit(connection: &Connection, batch: &BatchCommit) -> Sql<Committed> {
    let events_before = read_tip(connection)?.event_seq;
    let mut committed = Committed::default();
    for post in &batch.posts {
        match commit_post(connection, post, batch)? {
            Outcome::New => committed.new_posts += 1,
            Outcome::Changed => committed.changed_posts += 1,
            Outcome::Same => {}
            Outcome::Forgotten => committed.forgotten_posts += 1,
        }
    }
    for event in &batch.events {
        add_event(connection, event)?;
    }
    // After the posts: a post that came and went within the batch is gone.
    for post in &batch.deleted {
        let removed = remove_post(connection, post, Reason::Deleted, batch.now)?;
        committed.deleted_posts += u64::from(removed);
    }
    for post in &batch.forgotten {
        let removed = remove_post(connection, post, Reason::Unmatched, batch.now)?;
        committed.deleted_posts += u64::from(removed);
    }
    set_cursor(connection, &batch.source, &batch.cursor)?;
    set_status(connection, &batch.status)?;
    add_rejects(connection, &batch.source, &batch.rejects, batch.now)?;
    let tip = read_tip(connection)?;
    committed.last_seq = tip.change_seq;
    // The writer is alone, so every number since then is of this batch.
    committed.events = tip.event_seq - events_before;
    Ok(committed)
}

enum Outcome {
    New,
    Changed,
    Same,
    Forgotten,
}

fn commit_post(connection: &Connection, commit: &PostCommit, batch: &BatchCommit) -> Sql<Outcome> {
    let (post, now) = (&commit.post, batch.now);
    if is_forgotten(connection, &post.id)? {
        return Ok(Outcome::Forgotten);
    }
    let duplicate_of = commit.duplicate_of.as_ref();
    let matched = !commit.monitors.is_empty();
    let upserted = upsert_post(connection, post, duplicate_of, &batch.source, matched, now)?;
    let row = upserted.row;
    let mut changed = upserted.changed;
    changed |= match &commit.analysis {
        Some(analysis) => set_analysis(connection, row, analysis, upserted.content_changed)?,
        None if upserted.content_changed => delete_analysis(connection, row)?,
        None => false,
    };
    if upserted.new {
        add_monitors(connection, row, &commit.monitors, upserted.ordered_at, now)?;
        mark_new(connection, &post.id)?;
    } else {
        changed |= set_monitors(
            connection,
            row,
            &commit.monitors,
            upserted.ordered_at,
            upserted.content_changed,
            now,
        )?;
        if changed {
            mark_changed(connection, row)?;
        }
    }
    for link in &commit.links {
        if let Some(author) = author_row(connection, &link.author)? {
            let links = std::slice::from_ref(link);
            let effect = put_links(connection, author, &link.author, links, now)?;
            changed |= effect.visible;
            tell(connection, author, &effect, now)?;
        }
    }
    for event in &commit.events {
        add_event(connection, event)?;
    }
    Ok(match (upserted.new, changed) {
        (true, _) => Outcome::New,
        (false, true) => Outcome::Changed,
        (false, false) => Outcome::Same,
    })
}
