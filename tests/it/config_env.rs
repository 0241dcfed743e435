//! Overrides from the environment: what they set, and what is refused.

use overheard::config::Config;

use crate::support::check_expected;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn variables_win_over_the_file() {
    let variables = env(&[
        ("OVERHEARD_FETCH__TIMEOUT_SECS", "10"),
        ("OVERHEARD_FETCH__ALLOW_PORTS", "80,8443"),
        ("OVERHEARD_FETCH__ALLOW_PRIVATE", "[10.0.0.0/8]"),
        ("OVERHEARD_TIME_ZONE", "Europe/Berlin"),
        ("OVERHEARD_PUBLIC_URL", "https://x.example"),
        ("OVERHEARD_WEB__BEHIND_PROXY", "true"),
        ("OVERHEARD_LOG__FILTER", "debug"),
        ("OVERHEARD_CONFIG", "read by the command line"),
        ("HOME", "/home"),
    ]);
    let text = "time_zone = \"UTC\"\n[fetch]\ntimeout_secs = 3\n";
    let config = Config::from_toml("a.toml", text, variables).expect("good variables");
    assert_eq!(config.fetch.timeout_secs, 10);
    assert_eq!(config.fetch.allow_ports, [80, 8443]);
    assert_eq!(config.fetch.allow_private, ["10.0.0.0/8"]);
    assert_eq!(config.time_zone, "Europe/Berlin");
    assert_eq!(config.public_url.as_deref(), Some("https://x.example"));
    assert!(config.web.behind_proxy);
    assert_eq!(config.log.filter, "debug");
}

#[test]
fn wrong_variables_are_explained_and_secrets_never_shown() {
    let variables = env(&[
        ("OVERHEARD_FETCH", "3"),
        ("OVERHEARD_FETCH__TIMEOUT_SEC", "10"),
        ("OVERHEARD_FETSH__TIMEOUT_SECS", "10"),
        ("OVERHEARD_SOURCES__0__URL", "x"),
        ("OVERHEARD_TIME_ZONE", "Nowhere"),
        ("OVERHEARD_WEB__TOKEN", "hunter2"),
        ("OVERHEARD_WEB__LISTEN", "0.0.0.0:80"),
    ]);
    let errors = Config::load(None, variables).expect_err("wrong on purpose");
    check_expected("config/environment.expected", &format!("{errors}\n"));
}
