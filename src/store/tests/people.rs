//! Customers, links and timelines.

use super::*;
use crate::customers::{decide, handle_identity, url_identity};
use crate::domain::{Customer, CustomerId, Identity, LinkOrigin, LinkState};

fn customer(id: &str, identities: Vec<Identity>) -> Customer {
    Customer {
        id: CustomerId::parse(id).unwrap(),
        name: format!("Customer {id}"),
        identities,
        segment: Some("gold".into()),
        value: Some(10.5),
        tags: vec!["b".into(), "a".into()],
    }
}

fn handle() -> Identity {
    handle_identity("mastodon", "ann@example.social").unwrap()
}

fn profile() -> Identity {
    url_identity("example.social/@Ann").unwrap()
}

fn id(text: &str) -> CustomerId {
    CustomerId::parse(text).unwrap()
}

#[tokio::test]
async fn an_import_links_authors_who_were_there_before_it() {
    let (_dir, store) = open();
    commit(&store, (0..3).map(|n| mention_of(post(n))).collect()).await;
    let (change_seq, event_seq) = {
        let tip = *store.tip().borrow();
        (tip.change_seq, tip.event_seq)
    };
    // Not normalised, on purpose.
    let raw = Identity::Handle {
        network: "Mastodon".into(),
        handle: "@ANN@example.social".into(),
    };
    let wanted = vec![customer("A", vec![profile(), raw]), customer("B", vec![])];
    let outcome = store
        .import_customers(wanted.clone(), after(1))
        .await
        .unwrap();
    let expected = ImportOutcome {
        created: 2,
        updated: 0,
        unchanged: 0,
        linked: 1,
    };
    assert_eq!(outcome, expected);
    let a = customer("A", vec![handle(), profile()]);
    assert_eq!(store.customer(&id("A")).await.unwrap(), Some(a.clone()));
    let changes = store.changes_after(change_seq, 9).await.unwrap();
    assert_eq!(changes.len(), 3);
    let (found, link) = changes[0].record.clone().unwrap().customer.unwrap();
    assert_eq!(found, a);
    assert_eq!((link.confidence, link.state), (0.99, LinkState::Linked));
    let events = store.events_after(event_seq, 9).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event.kind, EventKind::CustomerLinked);
    assert_eq!(events[0].event.subject, Subject::Customer { id: id("A") });

    let tip = *store.tip().borrow();
    let again = store.import_customers(wanted, after(2)).await.unwrap();
    assert_eq!((again.unchanged, again.linked), (2, 0));
    assert_eq!(*store.tip().borrow(), tip);
    assert_eq!(store.counts().await.unwrap().linked, 1);
}

#[tokio::test]
async fn a_changed_customer_changes_the_records_of_its_posts() {
    let (_dir, store) = open();
    commit(&store, vec![mention_of(post(1))]).await;
    let mut a = customer("A", vec![handle()]);
    store
        .import_customers(vec![a.clone()], after(1))
        .await
        .unwrap();
    let tip = *store.tip().borrow();
    a.segment = Some("platinum".into());
    let outcome = store
        .import_customers(vec![a.clone()], after(2))
        .await
        .unwrap();
    assert_eq!((outcome.updated, outcome.linked), (1, 0));
    let changes = store.changes_after(tip.change_seq, 9).await.unwrap();
    let (found, _) = changes[0].record.clone().unwrap().customer.unwrap();
    assert_eq!(found.segment.as_deref(), Some("platinum"));
    assert_eq!(store.tip().borrow().event_seq, tip.event_seq);

    // The handle goes to somebody else: the link goes with it.
    a.identities.clear();
    let b = customer("B", vec![handle()]);
    let outcome = store.import_customers(vec![a, b], after(3)).await.unwrap();
    assert_eq!(
        (outcome.created, outcome.updated, outcome.linked),
        (1, 1, 1)
    );
    let record = store.record(&post(1).id).await.unwrap().unwrap();
    assert_eq!(record.customer.unwrap().0.id, id("B"));
    assert_eq!(store.links_of(&id("A")).await.unwrap(), []);
}

#[tokio::test]
async fn what_two_customers_own_is_only_suggested_until_a_person_decides() {
    let (_dir, store) = open();
    commit(&store, vec![mention_of(post(1))]).await;
    let both = vec![customer("A", vec![handle()]), customer("B", vec![handle()])];
    let outcome = store
        .import_customers(both.clone(), after(1))
        .await
        .unwrap();
    assert_eq!(outcome.linked, 0);
    let record = store.record(&post(1).id).await.unwrap().unwrap();
    assert_eq!(record.customer, None);
    let owners = store.customers_for(&[handle(), profile()]).await.unwrap();
    let owners: Vec<_> = owners.into_iter().map(|(i, c)| (i, c.id)).collect();
    assert_eq!(owners, [(handle(), id("A")), (handle(), id("B"))]);
    assert_eq!(store.suggested_links(9).await.unwrap().len(), 2);

    let author = post(1).author_id().unwrap();
    let decide = |customer, state| store.decide_link(&author, customer, state, after(2));
    let (a, b, c) = (id("A"), id("B"), id("C"));
    decide(&b, LinkState::Linked).await.unwrap();
    decide(&a, LinkState::Refused).await.unwrap();
    assert!(decide(&c, LinkState::Linked).await.is_err());
    assert_eq!(store.suggested_links(9).await.unwrap(), []);
    let links = store.links_of(&id("B")).await.unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].author, ann());
    assert_eq!(links[0].link.origin, LinkOrigin::Person);

    // The rules have no say any more.
    let sure = vec![customer("A", vec![handle(), profile()])];
    store.import_customers(sure, after(3)).await.unwrap();
    let record = store.record(&post(1).id).await.unwrap().unwrap();
    assert_eq!(record.customer.unwrap().0.id, id("B"));
}

#[tokio::test]
async fn a_batch_brings_links_and_the_event_comes_once() {
    let (_dir, store) = open();
    store
        .import_customers(vec![customer("A", vec![handle()])], start())
        .await
        .unwrap();
    let mut given = mention_of(post(1));
    let owners = [(handle(), id("A"))];
    let author = post(1).author_id().unwrap();
    given.links = decide(&author, &ann(), "mastodon", &owners);
    let committed = commit(&store, vec![given.clone()]).await;
    assert_eq!(committed.events, 2);
    let mut second = given.clone();
    second.post = post(2);
    second.events = vec![created(&post(2).id)];
    assert_eq!(commit(&store, vec![given, second]).await.events, 1);
    let record = store.record(&post(2).id).await.unwrap().unwrap();
    assert_eq!(record.customer.unwrap().1.confidence, 0.95);
    // A customer that is not there costs the batch nothing.
    let mut stranger = mention_of(post(3));
    stranger.links = decide(&author, &ann(), "mastodon", &[(handle(), id("gone"))]);
    assert_eq!(commit(&store, vec![stranger]).await.new_posts, 1);
}

#[tokio::test]
async fn a_timeline_is_paged_without_loss_even_at_one_time() {
    let (_dir, store) = open();
    store
        .import_customers(vec![customer("A", vec![handle()])], start())
        .await
        .unwrap();
    let author = post(1).author_id().unwrap();
    let links = decide(&author, &ann(), "mastodon", &[(handle(), id("A"))]);
    let posts = (0..5).map(|n| {
        let mut commit = commit_of(post(n));
        // Two and two at one time.
        commit.post.published_at = Some(after(n / 2));
        commit.links = links.clone();
        commit
    });
    commit(&store, posts.collect()).await;
    let mut seen = Vec::new();
    let mut next = None;
    loop {
        let page = store.timeline(&id("A"), 2, next).await.unwrap();
        seen.extend(page.records.into_iter().map(|record| record.post.id));
        let Some(position) = page.next else { break };
        next = Some(position.to_string().parse::<PagePosition>().unwrap());
    }
    let expected: Vec<_> = (0..5).rev().map(|n| post(n).id).collect();
    assert_eq!(seen, expected);
    assert!("1;2".parse::<PagePosition>().is_err());
    let ids: Vec<_> = store.customers("", None, 9).await.unwrap();
    assert_eq!(store.customers("", Some(&ids[0].id), 9).await.unwrap(), []);
}

#[tokio::test]
async fn an_author_keeps_old_profiles_on_old_posts() {
    let (_dir, store) = open();
    commit(&store, vec![mention_of(post(1))]).await;
    let mut renamed = mention_of(post(2));
    let new_name = Author {
        handle: "Annie@example.social".into(),
        ..ann()
    };
    renamed.post.author = Some(new_name.clone());
    commit(&store, vec![renamed]).await;
    let first = store.record(&post(1).id).await.unwrap().unwrap();
    assert_eq!(first.post.author, Some(ann()));
    let second = store.record(&post(2).id).await.unwrap().unwrap();
    assert_eq!(second.post.author, Some(new_name));
    assert_eq!(store.counts().await.unwrap().authors, 1);
    // The old handle is theirs no more.
    let outcome = store
        .import_customers(vec![customer("A", vec![handle()])], start())
        .await
        .unwrap();
    assert_eq!(outcome.linked, 0);
}
