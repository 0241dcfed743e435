//! The page in a real browser: every page in light, dark, on a phone and at twice the size, with hostile posts; the
//! keys; what is new; without JavaScript. `./test` installs the browser; where there is none, this says so.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::json;

use crate::daemon::{Home, PATIENCE, TestDaemon, until};
use crate::webdriver::Browser;

/// What a stranger may write; none of it may become markup, a script or a remote image.
const HOSTILE: &str = r#"{"v":1,"id":"x1","title":"</title><script>window.owned=1</script>","html":"<img src=x onerror='window.owned=1'><svg onload='window.owned=1'> voltra <a href='javascript:window.owned=1'>link</a>","author":{"handle":"\"><script>window.owned=1</script>","name":"<img src=x onerror=window.owned=1>","url":"javascript:window.owned=1","bio":"<iframe src='javascript:window.owned=1'>"},"url":"javascript:window.owned=1","language":"en"}
{"v":1,"id":"x2","text":"voltra {{constructor.constructor('window.owned=1')()}} \u202e reversed \u0000 ${window.owned=1}","language":"en"}
{"v":1,"id":"r1","text":"البطارية ماتت بعد يومين voltra ولا أحد يرد","language":"ar"}
{"v":1,"id":"l1","text":"voltra LONG ","language":"en"}
"#;

/// Every page, with the least that it must show.
const PAGES: [(&str, &str); 14] = [
    ("/", "mentions"),
    ("/?q=voltra+battery", "mention"),
    ("/?q=unheardof", "Nothing matches"),
    ("/?q=a+AND", "nothing stands after AND"),
    ("/overview", "Share of voice"),
    ("/monitors", "own brand"),
    ("/monitors?q=battery", "Would have caught"),
    ("/sources", "posts"),
    ("/deliveries", "No endpoints yet"),
    ("/customers", "No customers yet"),
    ("/digests", "No digests yet"),
    ("/settings", "Who changed what"),
    ("/api", "OpenAPI 3.1"),
    ("/customers/nobody", "no such customer"),
];

struct Town {
    home: Home,
    daemon: TestDaemon,
    posts: std::path::PathBuf,
}

impl Town {
    async fn new() -> Self {
        let home = Home::new("");
        let long = format!("voltra {}", "averyveryverylongword".repeat(40));
        let many: String = (0..30)
            .map(|n| {
                format!(
                    "{{\"v\":1,\"id\":\"n{n}\",\"text\":\"My voltra battery is dead again, number {n}\",\"language\":\"en\",\"author\":{{\"handle\":\"ann{n}\"}}}}\n"
                )
            })
            .collect();
        let posts = home.file(
            "posts.ndjson",
            HOSTILE.replace("voltra LONG ", &long) + &many,
        );
        home.configure(&format!(
            "[[sources]]\nid = \"posts\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{}\"\n[[monitors]]\nid = \"voltra\"\nquery = \"voltra\"\nbrand = \"Voltra\"\n",
            posts.display()
        ));
        let mut daemon = home.start();
        daemon.ready().await;
        let town = Self {
            home,
            daemon,
            posts,
        };
        town.heard("number", "30").await;
        town
    }

    /// Waits until a query finds so many posts.
    async fn heard(&self, query: &str, count: &str) {
        let counted = async || {
            let ended = self.home.run(&["search", "--count", query]);
            (ended.stdout.trim() == count).then_some(())
        };
        until(PATIENCE, counted, || self.daemon.log()).await;
    }

    /// A browser that is signed in, and the address before every path; `None` where there is no browser.
    fn browser(&self) -> Option<(Browser, String)> {
        let Some(browser) = Browser::start() else {
            assert!(std::env::var_os("CI").is_none(), "chromedriver is missing");
            eprintln!("SKIPPED: no chromedriver here; ./test installs it");
            return None;
        };
        let link = self.home.run(&["login"]).stdout;
        let link = link.trim();
        browser.open(link);
        let (base, _) = link.split_once("/login").expect("a login link");
        browser.until("return document.querySelector('.side nav') !== null");
        Some((browser, base.to_owned()))
    }
}

/// Fails unless the page is what it should be: whole, calm, and no wider than its window.
fn check(browser: &Browser, base: &str, path: &str, shows: &str, mode: &str) {
    browser.open(&format!("{base}{path}"));
    let page = browser.run("return document.body.innerText");
    let text = page.as_str().unwrap_or_default();
    assert!(
        text.contains(shows),
        "{path} in {mode} lacks {shows:?}: {text}"
    );
    let owned = browser.run("return window.owned === undefined && document.title !== ''");
    assert_eq!(owned, json!(true), "{path} in {mode}: a post's script ran");
    let wide = browser.run(
        "const e = document.documentElement; return e.scrollWidth > e.clientWidth ? e.scrollWidth : 0",
    );
    assert_eq!(wide, json!(0), "{path} in {mode} is too wide");
    let said: Vec<String> = browser
        .console()
        .into_iter()
        // The status of an error page is what it should be.
        .filter(|line| !line.contains("status of 400") && !line.contains("status of 404"))
        .collect();
    assert!(said.is_empty(), "{path} in {mode}: {said:?}");
}

/// axe-core's serious findings; `OVERHEARD_AXE` names its script, which `./test` fetches where npm is.
fn axe(browser: &Browser, script: &str, path: &str) {
    browser.run(script);
    let found = browser.run_async(
        "const done = arguments[0]; axe.run({resultTypes: ['violations']}).then(r => done(r.violations \
         .filter(v => v.impact === 'serious' || v.impact === 'critical') \
         .map(v => v.id + ': ' + v.nodes[0].html)))",
    );
    assert_eq!(found, json!([]), "axe-core on {path}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_safe_and_fits_in_light_dark_phone_and_zoomed() {
    let town = Town::new().await;
    let Some((browser, base)) = town.browser() else {
        return;
    };
    let axe_script = std::env::var_os("OVERHEARD_AXE")
        .map(|path| std::fs::read_to_string(path).expect("OVERHEARD_AXE names axe-core's script"));
    if axe_script.is_none() {
        eprintln!("SKIPPED: axe-core, OVERHEARD_AXE is not set; ./test sets it where npm is");
    }
    for (mode, scheme, width, height) in [
        ("light", "light", 1440, 900),
        ("dark", "dark", 1440, 900),
        ("phone", "light", 390, 844),
        // Twice the size is half the room.
        ("zoomed", "light", 640, 450),
    ] {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mode == "phone"});
        browser.devtools("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.devtools("Emulation.setEmulatedMedia", &scheme);
        for (path, shows) in PAGES {
            check(&browser, &base, path, shows, mode);
            if let Some(script) = &axe_script {
                axe(&browser, script, path);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inbox_is_worked_by_keys_and_tells_what_is_new() {
    let town = Town::new().await;
    let Some((browser, base)) = town.browser() else {
        return;
    };
    let desk = json!({"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": false});
    browser.devtools("Emulation.setDeviceMetricsOverride", &desk);
    browser.open_for_keys(&format!("{base}/?q=number"));
    let focused = |browser: &Browser| {
        browser.run(
            "return Array.from(document.querySelectorAll('a.row')).indexOf(document.activeElement)",
        )
    };
    browser.keys("j");
    browser.keys("jj");
    assert_eq!(focused(&browser), json!(3));
    browser.keys("k");
    assert_eq!(focused(&browser), json!(2));
    let href = browser.run("return document.activeElement.getAttribute('href').split('#')[1]");
    browser.keys("o");
    let chosen = format!(
        "return location.search.includes('selected={}')",
        href.as_str().unwrap_or_default()
    );
    browser.until(&chosen);
    browser.await_keys();
    browser.keys("?");
    browser.until("return document.getElementById('keys').open");
    browser.keys("?");
    browser.until("return !document.getElementById('keys').open");
    browser.keys("/");
    assert_eq!(browser.run("return document.activeElement.id"), json!("q"));
    // A letter in the search box is a letter.
    browser.keys("j");
    assert_eq!(
        browser.run("return document.getElementById('q').value"),
        json!("j")
    );

    // What is begun is completed, by Tab or by choice.
    browser.open_for_keys(&format!("{base}/?q=x"));
    browser.keys("/");
    browser.run("document.getElementById('q').value = ''");
    browser.keys("sentim");
    browser.until("return document.querySelectorAll('.completions li').length === 1");
    browser.keys("\u{e004}");
    browser.until("return document.querySelectorAll('.completions li').length === 3");
    browser.keys("\u{e015}\u{e007}");
    assert_eq!(
        browser.run("return document.getElementById('q').value"),
        json!("sentiment:negative ")
    );
    assert_eq!(
        browser.run("return document.querySelector('.completions').hidden"),
        json!(true)
    );

    // What a person says of the sentiment is kept, and the page comes back to where it was.
    browser.open_for_keys(&format!("{base}/?q=number"));
    browser.keys("s");
    browser.until("return document.activeElement.closest('.correct') !== null");
    browser.keys("\u{e007}");
    browser.until("return document.querySelector('.correct [aria-pressed=true]') !== null && location.search.includes('selected=')");
    let corrections = town.home.run(&["mentions", "corrections", "--json"]).json();
    assert_eq!(
        corrections.as_array().map(Vec::len),
        Some(1),
        "{corrections}"
    );

    // Several are selected and corrected together: the first, which was corrected above, and the second.
    browser.open_for_keys(&format!("{base}/?q=number"));
    let bar = "return getComputedStyle(document.querySelector('.bulk')).display";
    assert_eq!(browser.run(bar), json!("none"));
    for keys in ["x", "j", "x", "j", "x"] {
        browser.keys(keys);
    }
    let told = "return document.querySelector('.bulk').innerText.includes('The 3 selected are')";
    assert_eq!(browser.run(told), json!(true));
    browser.keys("x");
    browser.keys("s");
    browser.until("return document.activeElement.value === 'negative'");
    browser.keys("\u{e007}");
    browser.until("return document.querySelector('.pick input:checked') === null");
    browser.await_keys();
    let corrections = town.home.run(&["mentions", "corrections", "--json"]).json();
    assert_eq!(
        corrections.as_array().map(Vec::len),
        Some(2),
        "{corrections}"
    );
    browser.keys("l");
    browser.until("return document.activeElement.id === 'customer'");

    // A search is kept, found again beside every page, with how much it finds.
    browser.open_for_keys(&format!("{base}/?q=number"));
    browser.run("document.querySelector('.keep summary').click()");
    browser.run("document.querySelector('.keep input[name=name]').focus()");
    browser.keys("Numbers\u{e007}");
    browser.until("return document.querySelector('.saved [aria-current]') !== null");
    browser.open(&format!("{base}/sources"));
    browser.until("return document.querySelector('.saved').innerText.replace(/\\s+/g, ' ').trim() === 'Numbers 30'");

    // News waits behind a link and moves nothing.
    browser.open_for_keys(&format!("{base}/?q=number"));
    let before = browser.run("return document.querySelectorAll('a.row').length");
    browser.until("return document.querySelector('.new[data-open]') !== null");
    let mut posts = OpenOptions::new()
        .append(true)
        .open(&town.posts)
        .expect("the posts");
    writeln!(
        posts,
        "{{\"v\":1,\"id\":\"new\",\"text\":\"voltra number new\",\"language\":\"en\"}}"
    )
    .expect("a line");
    browser.until("const n = document.querySelector('.new'); return !n.hidden && n.innerText === '1 new mention'");
    assert_eq!(
        browser.run("return document.querySelectorAll('a.row').length"),
        before
    );
    town.heard("number", "31").await;
    browser.keys("n");
    browser.until("return document.body.innerText.includes('voltra number new')");
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_without_javascript() {
    let town = Town::new().await;
    let Some((browser, base)) = town.browser() else {
        return;
    };
    browser.devtools(
        "Emulation.setScriptExecutionDisabled",
        &json!({"value": true}),
    );
    // WebDriver's own scripts still run; those of the page do not.
    browser.open(&format!("{base}/"));
    browser.run("document.getElementById('q').value = 'number'; document.querySelector('.search button').click()");
    browser.until("return location.search.includes('q=number')");
    let narrow = "document.querySelector('.facets').open = true; document.querySelector('.facets li a').click()";
    browser.run(narrow);
    browser.until("return decodeURIComponent(location.search).includes(':')");
    browser.run("document.querySelector('a.row').click()");
    browser.until("return location.search.includes('selected=')");
    browser.run("document.querySelector('.correct button').click()");
    browser.until(
        "return document.querySelector('.correct [aria-pressed=true]').value === 'negative'",
    );
    for (path, shows) in PAGES {
        browser.open(&format!("{base}{path}"));
        let text = browser.run("return document.body.innerText");
        assert!(
            text.as_str().unwrap_or_default().contains(shows),
            "{path} lacks {shows:?}: {text}"
        );
    }
}
