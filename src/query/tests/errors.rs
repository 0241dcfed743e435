//! What is refused, where the caret points, and what is said to be right.

use super::refused;

#[test]
fn errors_point_at_the_place_and_say_what_would_be_right() {
    let cases = [
        (
            "",
            "the query is empty",
            "",
            "write a word, or * for all posts",
        ),
        (
            "a AND b OR c",
            "AND and OR stand side by side without brackets",
            "OR",
            "write (a AND b) OR c, or put the brackets around the OR",
        ),
        (
            "a OR b c",
            "AND and OR stand side by side without brackets",
            "c",
            "write a OR (b AND c), or put the brackets around the OR",
        ),
        (
            "a AND",
            "nothing stands after AND",
            "",
            "write a word, a \"phrase\", a field:value or ( ... )",
        ),
        (
            "OR a",
            "OR needs something on both sides",
            "OR",
            "write a word before it, or \"or\" to look for the word",
        ),
        (
            "(a",
            "this bracket is not closed",
            "(",
            "put a ) where it ends",
        ),
        (
            "a)",
            "this bracket closes nothing",
            ")",
            "remove it, or open a bracket before",
        ),
        (
            "a ()",
            "nothing stands in these brackets",
            "(",
            "write a word",
        ),
        (
            "say \"a b",
            "this quote is not closed",
            "\"",
            "put a \" after the last word of the phrase",
        ),
        (
            "sentimant:negative",
            "there is no field \"sentimant\"",
            "sentimant:",
            "did you mean sentiment: ?",
        ),
        (
            "see http://a.example",
            "there is no field \"http\"",
            "http:",
            "put the text in quotes to look for it as it stands",
        ),
        (
            "intent:complain",
            "intent: has no value \"complain\"",
            "intent:complain",
            "did you mean intent:complaint ? There are complaint, question, purchase_intent, praise, churn_risk, suggestion, bug_report, spam",
        ),
        (
            "kind:story",
            "kind: has no value \"story\"",
            "kind:story",
            "there are post, reply, comment, review, article, repost",
        ),
        (
            "is:linkd",
            "is: has no value \"linkd\"",
            "is:linkd",
            "did you mean is:linked ?",
        ),
        (
            "rating:good",
            "\"good\" is not a number or a range",
            "rating:good",
            "write rating:>10, rating:<=2, rating:1..2 or rating:3",
        ),
        (
            "rating:4..2",
            "this range is empty",
            "rating:4..2",
            "write rating:2..4",
        ),
        (
            "lang:german",
            "\"german\" is not a language code",
            "lang:german",
            "write two letters, such as lang:de, or lang:und for undetermined",
        ),
        (
            "title: a",
            "nothing stands after title:",
            "title:",
            "write the value directly after the colon",
        ),
        (
            "title:(a lang:de)",
            "lang: stands in the brackets of another field",
            "lang:",
            "close the brackets before it",
        ),
        ("a -b", "-b is not an operator", "-b", "write NOT b"),
        ("a || b", "|| is not an operator", "||", "write OR"),
        (
            "ab*",
            "this wildcard would find too many words",
            "ab*",
            "write at least 3 letters before the *",
        ),
        (
            "wi-fi*",
            "\"wi-fi*\" is more than one word",
            "wi-fi*",
            "* and ? work within a single word; put several words in quotes, without them",
        ),
        (
            "?at*",
            "this wildcard would find too many words",
            "?at*",
            "write at least 3 letters before the *",
        ),
        (
            "\"a b\"~",
            "~ needs a number of positions",
            "~",
            "write ~5 directly behind the quotes",
        ),
        (
            "\"a b\"~101",
            "the words can be 1 to 100 positions apart, not 101",
            "\"a b\"~101",
            "write ~5, or AND between the words to find them anywhere",
        ),
        (
            "\"a\"~5",
            "~ needs at least two words in the quotes",
            "\"a\"~5",
            "write a second word, or remove it",
        ),
        (
            "\"a b c d\"~2",
            "4 words do not fit into 2 positions",
            "\"a b c d\"~2",
            "write ~3 or more",
        ),
        (
            "a NEAR b",
            "NEAR needs a distance",
            "NEAR",
            "write NEAR/5, or NEAR/5f for that order; 100 is the most",
        ),
        (
            "a NEAR/101 b",
            "\"101\" is not a distance from 1 to 100",
            "NEAR/101",
            "write NEAR/5, or NEAR/5f for that order; 100 is the most",
        ),
        (
            "a NEAR/5",
            "nothing stands after NEAR",
            "NEAR/5",
            "write a word, a \"phrase\" or ( ... OR ... )",
        ),
        (
            "NEAR/5 a",
            "NEAR needs something on both sides",
            "NEAR/5",
            "write a word before it, or \"near\" to look for the word",
        ),
        (
            "a NEAR/5 (b OR NOT c)",
            "NOT has no place beside NEAR",
            "(b OR NOT c)",
            "write NOT in front of the whole, as in battery AND NOT (battery NEAR/5 dead)",
        ),
        (
            "(a AND b) NEAR/5 c",
            "AND has no place beside NEAR",
            "(a AND b)",
            "write NEAR between all of the words, or OR between those of which one is enough",
        ),
        (
            "a NEAR/5 lang:de",
            "NEAR finds words, not fields",
            "lang:de",
            "write a word, a \"phrase\" or ( ... OR ... ), and AND before the field",
        ),
        (
            "title:a NEAR/5 b",
            "NEAR finds words in one field only",
            "title:a NEAR/5 b",
            "write the field before brackets around both, as in title:(battery NEAR/5 dead)",
        ),
        (
            "{BT",
            "this brace is not closed",
            "{",
            "put a } after the last letter, as in {BT}",
        ),
        (
            "{C++}",
            "{C++} holds a sign that belongs to no word",
            "{C++}",
            "only letters, digits and emoji can be compared exactly",
        ),
        (
            "source:{HN}",
            "{...} compares words of a text",
            "source:{HN}",
            "remove the braces",
        ),
        (
            "bio:{BT}",
            "{...} compares words of title and text",
            "bio:{BT}",
            "remove the braces; case does not count here",
        ),
        (
            "a sort:newest",
            "this is no order",
            "sort:newest",
            "write sort:new, sort:relevance, sort:engagement, sort:score",
        ),
        (
            "a similar:dead",
            "this is no post",
            "similar:dead",
            "write the id of a post or a mention, as a search prints it",
        ),
        (
            "NOT similar:post_0123456789abcdef0123456789abcdef",
            "similar: narrows the whole answer",
            "similar:post_0123456789abcdef0123456789abcdef",
            "write it at the end, outside of brackets, not behind OR or NOT",
        ),
        (
            "a OR similar:post_0123456789abcdef0123456789abcdef",
            "similar: narrows the whole answer",
            "similar:post_0123456789abcdef0123456789abcdef",
            "write it at the end, outside of brackets, not behind OR or NOT",
        ),
        (
            "(a sort:new)",
            "sort: orders the whole answer",
            "sort:new",
            "write it at the end, outside of brackets, not behind OR or NOT",
        ),
        (
            "sort:new a sort:score",
            "there is a sort: already",
            "sort:score",
            "remove one",
        ),
        (
            "duplicate:maybe",
            "duplicate: has no value \"maybe\"",
            "duplicate:maybe",
            "write duplicate:no for originals, duplicate:yes for copies, or the id of a post for its group",
        ),
        (
            "a ...",
            "there is no word in \"...\"",
            "...",
            "write letters, digits or an emoji",
        ),
        (
            "date:october",
            "\"october\" is not a day or a range of days",
            "date:october",
            "write date:2026-10-01, date:2026-10-01..2026-10-31, date:today or date:14d..7d",
        ),
    ];
    for (text, message, place, expected) in cases {
        let error = refused(text);
        assert_eq!(error.message(), message, "{text}");
        assert_eq!(&text[error.span()], place, "{text}");
        assert_eq!(error.expected(), Some(expected), "{text}");
    }
    for later in ["status", "assignee", "priority", "country", "tag"] {
        let error = refused(&format!("{later}:x"));
        assert_eq!(error.message(), format!("{later}: is not available yet"));
    }
}

#[test]
fn an_error_is_shown_with_a_caret() {
    assert_eq!(
        refused("battery\n  charger sentimant:negative").render(),
        "there is no field \"sentimant\"\n    charger sentimant:negative\n            ^^^^^^^^^^\n  did you mean sentiment: ?"
    );
}
