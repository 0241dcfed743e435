//! Settings, digests and the API's reference; and each form of the page against each role.

use super::site::*;
use crate::domain::DigestId;
use crate::store::{DigestRun, NewToken};
use crate::web::{ApiToken, Role};

/// What the page's forms change, and who may.
const FORMS: [(&str, &[Role]); 15] = [
    ("/mentions/corrections", &[Role::Manager, Role::Admin]),
    ("/searches", &[Role::Manager, Role::Admin]),
    ("/searches/remove", &[Role::Manager, Role::Admin]),
    ("/mentions/nobody/correction", &[Role::Manager, Role::Admin]),
    ("/customers/links", &[Role::Manager, Role::Admin]),
    ("/monitors", &[Role::Manager, Role::Admin]),
    ("/monitors/remove", &[Role::Manager, Role::Admin]),
    ("/deliveries/replay", &[Role::Crm, Role::Admin]),
    ("/deliveries/nobody/pause", &[Role::Crm, Role::Admin]),
    ("/deliveries/nobody/resume", &[Role::Crm, Role::Admin]),
    ("/settings/users", &[Role::Admin]),
    ("/settings/users/nobody/link", &[Role::Admin]),
    ("/settings/users/nobody/disable", &[Role::Admin]),
    ("/settings/tokens", &[Role::Admin]),
    ("/settings/tokens/revoke", &[Role::Admin]),
];

async fn token(site: &Site, role: Role) -> String {
    let token = ApiToken::generate(&mut rand::rng());
    let kept = NewToken {
        hash: *token.hash().as_bytes(),
        name: format!("of {}", role.as_str()),
        role: role.as_str().to_owned(),
        expires_at: None,
    };
    let now = site.state.clock.now();
    site.state.store.create_token(kept, now).await.unwrap();
    format!("Authorization: Bearer {}", token.expose())
}

#[tokio::test]
async fn each_form_is_for_its_roles_and_no_other_form_exists() {
    let site = Site::new(vec![]).await;
    for role in Role::ALL {
        let bearer = token(&site, role).await;
        for (path, may) in FORMS {
            let form = [
                bearer.clone(),
                "Content-Type: application/x-www-form-urlencoded".to_owned(),
            ];
            let reply = site.send(&format!("POST {path}"), &form, "").await;
            let refused = reply.status == 403;
            assert_eq!(
                refused,
                !may.contains(&role),
                "{path} as {role:?}: {}",
                reply.body
            );
        }
    }
    let source = include_str!("../pages/mod.rs");
    let posts = source.matches("post(").count();
    // Signing out is for whoever is signed in.
    assert_eq!(posts, FORMS.len() + 1, "a form of the page is not in FORMS");
}

#[tokio::test]
async fn an_administrator_sees_people_tokens_and_changes_and_others_do_not() {
    let site = Site::new(vec![]).await;
    let form = [
        site.bearer(),
        "Content-Type: application/x-www-form-urlencoded".to_owned(),
    ];
    let post = async |path: &str, body: &str| site.send(&format!("POST {path}"), &form, body).await;
    let name = "name=ann+%3Cb%3E";
    assert_eq!(
        post("/settings/users", &format!("{name}&role=viewer"))
            .await
            .status,
        303
    );
    let made = post("/settings/tokens", "name=bi&role=marketing&days=30").await;
    assert!(made.body.contains("ovh_"), "{}", made.body);
    let link = post("/settings/users/ann%20%3Cb%3E/link", "").await;
    assert!(link.body.contains("/login?token="), "{}", link.body);
    assert_eq!(
        post("/settings/tokens", "name=bi&role=viewer&days=")
            .await
            .status,
        400
    );
    assert_eq!(
        post("/settings/users", "name=&role=viewer").await.status,
        400
    );

    let unreadable = post("/settings/users", "name=x&role=king").await;
    assert_eq!(unreadable.status, 422);
    for expected in [
        "text/html",
        "That does not work",
        "The form can&#39;t be read",
    ] {
        let reply = format!("{}{}", unreadable.head, unreadable.body);
        assert!(reply.contains(expected), "{expected} is not in\n{reply}");
    }

    let page = site.get("/settings").await.body;
    for expected in [
        "You are token test, with the role admin",
        "ann &#60;b&#62;",
        "/settings/users/ann%20%3Cb%3E/disable",
        ">bi</b>",
        "POST /settings/tokens",
    ] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
    // What was made is shown once.
    assert!(!page.contains("ovh_") && !page.contains("/login?token="));
    assert_eq!(post("/settings/tokens/revoke", "name=bi").await.status, 303);
    assert_eq!(
        post("/settings/users/ann%20%3Cb%3E/disable", "")
            .await
            .status,
        303
    );
    let page = site.get("/settings").await.body;
    assert!(page.contains("shut out") && page.contains("revoked"));

    let viewer = [token(&site, Role::Viewer).await];
    let page = site.send("GET /settings", &viewer, "").await.body;
    assert!(page.contains("with the role viewer") && !page.contains("People"));
}

#[tokio::test]
async fn colours_are_the_browsers_own() {
    let site = Site::new(vec![]).await;
    let ask = async |path: &str, cookie: &str| {
        let headers = [site.bearer(), format!("Cookie: {cookie}")];
        site.send(&format!("GET {path}"), &headers, "").await
    };
    let chosen = ask("/settings/theme?to=dark", "a=b").await;
    assert_eq!(chosen.status, 303);
    let cookie = chosen.header("set-cookie").unwrap();
    assert!(cookie.starts_with("overheard_theme=dark; "), "{cookie}");
    let page = ask("/settings", "overheard_theme=dark").await.body;
    assert!(page.contains("<html lang=\"en\" data-theme=\"dark\">"));
    for other in ["a=b", "overheard_theme=\"><script>"] {
        assert!(
            ask("/settings", other)
                .await
                .body
                .contains("<html lang=\"en\">")
        );
    }
    let back = ask("/settings/theme?to=system", "overheard_theme=dark").await;
    assert!(back.header("set-cookie").unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn a_digest_is_read_as_it_was_written_and_runs_nothing() {
    let site = Site::new(vec![]).await;
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    assert!(site.get("/digests").await.body.contains("No digests yet"));
    let run = DigestRun {
        digest: DigestId::parse("daily").unwrap(),
        date: "2026-11-21".to_owned(),
        at: site.state.clock.now(),
        files: vec![
            file("a.html", "<style>b{}</style><b>12</b>"),
            file("a.json", "{\"n\":12}"),
        ],
    };
    site.state.store.record_digest(run, None).await.unwrap();
    let page = site.get("/digests").await.body;
    assert!(page.contains("/digests/daily/2026-11-21") && page.contains("format=json"));
    let report = site.get("/digests/daily/2026-11-21").await;
    assert_eq!(report.body, "<style>b{}</style><b>12</b>");
    let policy = report.header("content-security-policy").unwrap();
    assert!(
        policy.contains("sandbox") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    let json = site.get("/api/v1/digests/daily/2026-11-21").await.json();
    assert_eq!(json["n"], 12);
    for (path, status) in [
        ("/api/v1/digests/daily/2026-11-21?format=markdown", 404),
        ("/api/v1/digests/daily/2026-11-22", 404),
        ("/api/v1/digests/..%2F..%2Fetc/passwd", 404),
        ("/api/v1/digests/daily/2026-11-21?format=pdf", 400),
    ] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
    std::fs::remove_file(dir.path().join("a.json")).unwrap();
    assert_eq!(
        site.get("/api/v1/digests/daily/2026-11-21").await.status,
        410
    );
}

#[tokio::test]
async fn the_reference_names_each_operation_with_its_parameters() {
    let site = Site::new(vec![]).await;
    let page = site.get("/api").await.body;
    let description = site.get_unknown("/api/v1/openapi.json").await.json();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let head = format!(
                "<b>{}</b> <span class=\"query\">{path}</span>",
                method.to_uppercase()
            );
            assert!(page.contains(&head), "{head}");
            assert!(
                operation["summary"]
                    .as_str()
                    .is_some_and(|words| !words.is_empty())
            );
        }
    }
    for expected in [
        "<code>next_cursor</code>",
        "list of MentionDto",
        "<code>keep_hours</code>",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    assert_eq!(site.get_unknown("/api").await.status, 401);
}
