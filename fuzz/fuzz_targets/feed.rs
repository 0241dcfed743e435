//! Whatever bytes are, they are no feed or one whose texts can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use overheard::fetch::Url;
use overheard::sources::feed::read_feed;

fuzz_target!(|bytes: &[u8]| {
    let url = Url::parse("https://a.example/feed").expect("a URL");
    if let Ok(feed) = read_feed(bytes, None, Some(&url)) {
        for entry in &feed.entries {
            let texts = [&entry.title, &entry.summary, &entry.content];
            for text in texts.into_iter().flatten() {
                text.safe_html();
            }
        }
    }
});
