//! Every route of the API against every role.

use super::site::{Site, post};
use crate::store::NewToken;
use crate::web::{ApiToken, Role};

use Role::{Admin, Crm, Manager, Marketing, Viewer};

/// Who may do what changes something, or tells of tokens; everybody else may read everything.
const GUARDED: [(&str, &str, &[Role]); 28] = [
    ("POST", "/api/v1/mentions/corrections", &[Manager, Admin]),
    ("PUT", "/api/v1/searches/{id}", &[Manager, Admin]),
    ("DELETE", "/api/v1/searches/{id}", &[Manager, Admin]),
    (
        "POST",
        "/api/v1/mentions/{id}/correction",
        &[Manager, Admin],
    ),
    ("POST", "/api/v1/links", &[Manager, Admin]),
    ("PUT", "/api/v1/monitors/{id}", &[Manager, Admin]),
    ("DELETE", "/api/v1/monitors/{id}", &[Manager, Admin]),
    ("POST", "/api/v1/sources/{id}/resume", &[Manager, Admin]),
    ("POST", "/api/v1/sources/{id}/refresh", &[Manager, Admin]),
    ("POST", "/api/v1/customers/import", &[Crm, Admin]),
    ("POST", "/api/v1/deliveries/replay", &[Crm, Admin]),
    ("PUT", "/api/v1/endpoints/{id}", &[Crm, Admin]),
    ("DELETE", "/api/v1/endpoints/{id}", &[Crm, Admin]),
    ("POST", "/api/v1/endpoints/{id}/rotate", &[Crm, Admin]),
    ("POST", "/api/v1/endpoints/{id}/pause", &[Crm, Admin]),
    ("POST", "/api/v1/endpoints/{id}/resume", &[Crm, Admin]),
    ("GET", "/api/v1/index", &[Admin]),
    ("GET", "/api/v1/users", &[Admin]),
    ("PUT", "/api/v1/users/{id}", &[Admin]),
    ("DELETE", "/api/v1/users/{id}", &[Admin]),
    ("GET", "/api/v1/audit", &[Admin]),
    ("POST", "/api/v1/index/rebuild", &[Admin]),
    ("POST", "/api/v1/reload", &[Admin]),
    ("GET", "/api/v1/model/rescore", &[Admin]),
    ("POST", "/api/v1/model/rescore", &[Admin]),
    ("POST", "/api/v1/login-links", &[Admin]),
    ("POST", "/api/v1/tokens/revoke", &[Admin]),
    ("POST", "/api/v1/tokens", &[Admin]),
];

#[tokio::test]
async fn each_role_may_do_its_own_and_no_more() {
    let mut site = Site::new(vec![post(0, "battery")]).await;
    // Nobody carries out commands here: they are refused as the daemon refuses them when it stops.
    site.commands.close();
    let now = site.state.clock.now();
    let mut tokens = Vec::new();
    for role in Role::ALL {
        let token = ApiToken::generate(&mut rand::rng());
        let kept = NewToken {
            hash: *token.hash().as_bytes(),
            name: role.as_str().to_owned(),
            role: role.as_str().to_owned(),
            expires_at: None,
        };
        site.state.store.create_token(kept, now).await.unwrap();
        tokens.push((role, format!("Authorization: Bearer {}", token.expose())));
    }
    let description = site.get_unknown("/api/v1/openapi.json").await.json();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            // A live search would go on; it has the guard of every other reading route.
            if path.ends_with("/live") {
                continue;
            }
            let method = method.to_uppercase();
            let guarded = GUARDED.iter().find(|(m, p, _)| *m == method && p == path);
            let everybody: &[Role] = if path == "/api/v1/tokens" {
                &[Admin]
            } else {
                &Role::ALL
            };
            assert!(
                guarded.is_some() || method == "GET",
                "{method} {path} has no roles here"
            );
            let may = guarded.map_or(everybody, |(_, _, roles)| roles);
            let concrete = path.replace("{id}", "nobody");
            for (role, bearer) in &tokens {
                let reply = site
                    .send(
                        &format!("{method} {concrete}"),
                        std::slice::from_ref(bearer),
                        "",
                    )
                    .await;
                let refused = reply.status == 403;
                assert_eq!(
                    refused,
                    !may.contains(role),
                    "{method} {path} as {role:?}: {}",
                    reply.body
                );
                assert_ne!(reply.status, 401, "{method} {path} as {role:?}");
                if refused {
                    assert!(reply.body.contains(role.as_str()), "{}", reply.body);
                }
            }
            let stranger = site.send(&format!("{method} {concrete}"), &[], "").await;
            assert!(
                matches!(stranger.status, 401 | 403),
                "{method} {path}: {}",
                stranger.status
            );
            assert!(operation["responses"]["4XX"].is_object(), "{method} {path}");
        }
    }
    assert_eq!(tokens.len(), [Viewer, Manager, Marketing, Crm, Admin].len());
}

#[tokio::test]
async fn a_token_ends_when_it_was_said_to() {
    let site = Site::new(vec![]).await;
    let json = "Content-Type: application/json".to_owned();
    let make = async |body: &str| {
        site.send("POST /api/v1/tokens", &[site.bearer(), json.clone()], body)
            .await
    };
    let made = make(r#"{"name":"week","role":"viewer","expires_at":"2026-11-29T10:00:00Z"}"#).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let bearer = format!("Authorization: Bearer {token}");
    let asked = async || {
        site.send("GET /api/v1/monitors", std::slice::from_ref(&bearer), "")
            .await
            .status
    };
    assert_eq!(asked().await, 200);
    site.clock
        .advance(std::time::Duration::from_secs(7 * 24 * 3600 + 1));
    assert_eq!(asked().await, 401);

    for (body, status) in [
        (
            r#"{"name":"late","expires_at":"2020-01-01T00:00:00Z"}"#,
            400,
        ),
        (r#"{"name":"odd","role":"king"}"#, 422),
        (r#"{"name":"week"}"#, 409),
        (r#"{"name":" "}"#, 409),
        (r#"{"name":"a\nb"}"#, 409),
    ] {
        let refused = make(body).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.body);
    }
}
