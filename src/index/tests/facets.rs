//! Counts of labels over several segments.

use super::*;

#[test]
fn a_label_is_counted_in_all_segments_though_one_has_many_greater() {
    let place = place();
    let mut opened = Index::open(&place.dir, "s", 0, &CONFIG).expect("index");
    let mut number = 0;
    let mut by = |handle: String| {
        number += 1;
        let mut post = post(number, "battery");
        post.post.author = Some(crate::domain::Author {
            handle,
            ..Default::default()
        });
        IndexChange::Insert(Box::new(post))
    };
    let often = |times: usize| vec!["often".to_owned(); times];
    let crowd = |name: &str| (0..600).map(|n| format!("{name}{}", n / 2)).collect();
    for (seq, handles) in [[often(9), crowd("a")], [often(1), crowd("b")]]
        .into_iter()
        .enumerate()
    {
        let changes: Vec<_> = handles.concat().into_iter().map(&mut by).collect();
        opened.writer.apply(&changes).expect("apply");
        opened.writer.commit(seq as u64 + 1).expect("commit");
    }
    opened.reader.reload().expect("reload");
    let wanted = SearchOptions {
        limit: 0,
        facets: true,
        ..options()
    };
    let query = Query::parse("battery").expect("query");
    let found = opened.reader.search(&query, &wanted).expect("search");
    let authors = found.facets.iter().find(|facet| facet.field == "author");
    let authors = &authors.expect("authors").values;
    assert_eq!(authors.len(), MAX_VALUES);
    assert_eq!(authors[0], ("often".to_owned(), 10));
    assert_eq!(authors[1], ("a0".to_owned(), 2));
}
