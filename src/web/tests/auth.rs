//! Who may come in, by which door.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::site::{Site, post};
use crate::store::NewToken;
use crate::web::pages::login::new_login_link;
use crate::web::{ApiToken, FIRST_USER, Role, bind_socket};

#[tokio::test]
async fn a_stranger_sees_nothing_but_how_to_come_in() {
    let site = Site::new(vec![post(0, "secret words")]).await;
    let id = post(0, "").post.id;
    for path in [
        "/api/v1/search".to_owned(),
        format!("/api/v1/mentions/{id}"),
        "/api/v1/sources".to_owned(),
    ] {
        let reply = site.get_unknown(&path).await;
        assert_eq!(reply.status, 401, "{path}");
        assert_eq!(
            reply.header("www-authenticate"),
            Some("Bearer realm=\"overheard\"")
        );
        assert!(!reply.body.contains("secret"));
    }
    for path in [
        "/".to_owned(),
        "/?q=secret".to_owned(),
        format!("/mentions/{id}"),
        "/sources".to_owned(),
    ] {
        let reply = site.get_unknown(&path).await;
        assert_eq!(reply.status, 401, "{path}");
        assert!(
            reply.body.contains("run: overheard login") && !reply.body.contains("secret words")
        );
    }
    assert_eq!(site.get_unknown("/healthz").await.body, "ok\n");
    assert_eq!(site.get_unknown("/readyz").await.json()["ready"], true);
    assert_eq!(site.get_unknown("/metrics").await.body, "overheard_up 1\n");
}

#[tokio::test]
async fn tokens_are_listed_a_page_at_a_time() {
    let site = Site::new(vec![]).await;
    for n in 0..120 {
        let token = ApiToken::generate(&mut rand::rng());
        let kept = NewToken {
            hash: *token.hash().as_bytes(),
            name: format!("t{n:03}"),
            role: "viewer".to_owned(),
            expires_at: None,
        };
        let now = site.state.clock.now();
        site.state.store.create_token(kept, now).await.unwrap();
    }
    let first = site.get("/api/v1/tokens").await.json();
    assert_eq!(first["tokens"].as_array().unwrap().len(), 100);
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/tokens?cursor={cursor}");
    let second = site.get(&path).await.json();
    // The site's own token is one more.
    assert_eq!(second["tokens"].as_array().unwrap().len(), 21);
    assert!(second["next_cursor"].is_null());
}

#[tokio::test]
async fn tokens_open_the_api_until_they_are_revoked_and_only_as_far_as_their_role() {
    let site = Site::new(vec![]).await;
    let now = site.state.clock.now();
    assert_eq!(site.get("/api/v1/search").await.status, 200);
    let viewer = ApiToken::generate(&mut rand::rng());
    let kept = crate::store::NewToken {
        hash: *viewer.hash().as_bytes(),
        name: "viewer".to_owned(),
        role: Role::Viewer.as_str().to_owned(),
        expires_at: None,
    };
    site.state.store.create_token(kept, now).await.unwrap();
    let header = [format!("Authorization: Bearer {}", viewer.expose())];
    assert_eq!(
        site.send("GET /api/v1/search", &header, "").await.status,
        200
    );
    assert_eq!(
        site.send("POST /api/v1/reload", &header, "").await.status,
        403
    );
    assert_eq!(
        site.send("POST /api/v1/login-links", &header, "")
            .await
            .status,
        403
    );
    assert!(site.state.store.revoke_token("viewer", now).await.unwrap());
    assert_eq!(
        site.send("GET /api/v1/search", &header, "").await.status,
        401
    );
    for value in ["Bearer ovh_12", "Basic abc", "Bearer"] {
        let reply = site
            .send(
                "GET /api/v1/search",
                &[format!("Authorization: {value}")],
                "",
            )
            .await;
        assert_eq!(reply.status, 401, "{value}");
    }
}

#[tokio::test]
async fn a_login_link_works_once_and_its_session_ends_with_signing_out() {
    let site = Site::new(vec![]).await;
    let link = new_login_link(&site.state, FIRST_USER);
    let path = link.strip_prefix(&site.state.base_url).unwrap().to_owned();
    let looked = site.send(&format!("HEAD {path}"), &[], "").await;
    assert_eq!((looked.status, looked.header("set-cookie")), (204, None));

    let reply = site.get_unknown(&path).await;
    assert_eq!(reply.status, 200);
    let cookie = reply.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    assert_eq!(site.get_unknown(&path).await.status, 401);

    let session = [cookie.clone()];
    assert_eq!(site.send("GET /", &session, "").await.status, 200);
    // Another site's form carries no right origin.
    assert_eq!(site.send("POST /logout", &session, "").await.status, 403);
    let evil = [cookie.clone(), "Origin: https://evil.example".to_owned()];
    assert_eq!(
        site.send("POST /api/v1/login-links", &evil, "")
            .await
            .status,
        403
    );
    let own = [cookie.clone(), format!("Origin: http://{}", site.host())];
    // The right origin alone will not do: the form must hold the session's own mark.
    assert_eq!(
        site.send("POST /api/v1/login-links", &own, "").await.status,
        403
    );
    let page = site.send("GET /", &session, "").await.body;
    let mark = page.split_once("name=\"csrf\" value=\"").unwrap().1;
    let mark = mark.split_once('"').unwrap().0.to_owned();
    assert_eq!(mark.len(), 32);
    let script = [own.to_vec(), vec![format!("X-CSRF-Token: {mark}")]].concat();
    let made = site.send("POST /api/v1/login-links", &script, "").await;
    assert_eq!(made.status, 201);
    let form = [
        own.to_vec(),
        vec!["Content-Type: application/x-www-form-urlencoded".to_owned()],
    ]
    .concat();
    let wrong = format!("csrf={}", "0".repeat(32));
    for body in ["", "csrf=", &wrong] {
        assert_eq!(site.send("POST /logout", &form, body).await.status, 403);
    }
    let body = format!("csrf={mark}");
    assert_eq!(site.send("POST /logout", &form, &body).await.status, 303);
    assert_eq!(site.send("GET /", &session, "").await.status, 401);
}

#[tokio::test]
async fn a_session_ends_after_a_week() {
    let site = Site::new(vec![]).await;
    let link = new_login_link(&site.state, FIRST_USER);
    let path = link.strip_prefix(&site.state.base_url).unwrap();
    let reply = site.get_unknown(path).await;
    let cookie = reply
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let session = [format!("Cookie: {cookie}")];
    assert_eq!(site.send("GET /sources", &session, "").await.status, 200);
    site.clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert_eq!(site.send("GET /sources", &session, "").await.status, 401);
}

#[tokio::test]
async fn guessing_links_is_slowed_down() {
    let site = Site::new(vec![]).await;
    for _ in 0..10 {
        assert_eq!(site.get_unknown("/login?token=guess").await.status, 401);
    }
    let reply = site.get_unknown("/login?token=guess").await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("60"))
    );
    site.clock.advance(Duration::from_secs(60));
    assert_eq!(site.get_unknown("/login?token=guess").await.status, 401);
}

#[tokio::test]
async fn the_socket_is_for_its_owner_and_trusted() {
    let site = Site::new(vec![]).await;
    let mode = std::fs::metadata(&site.socket)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(site.local("GET /api/v1/search").await.status, 200);
    let reply = site.local("POST /api/v1/login-links").await;
    assert_eq!(reply.status, 201);
    let url = reply.json()["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&site.state.base_url).unwrap();
    assert_eq!(site.get_unknown(path).await.status, 200);
    // Somebody answers there: a second daemon must not take the name.
    let taken = bind_socket(&site.socket).await.unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_a_file_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.sock");
    drop(bind_socket(&path).await.unwrap());
    assert!(path.exists());
    bind_socket(&path).await.unwrap();
    let file = dir.path().join("notes");
    std::fs::write(&file, "keep").unwrap();
    assert!(bind_socket(&file).await.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "keep");
}

#[tokio::test]
async fn a_role_is_the_users_and_ends_with_the_user() {
    let site = Site::new(vec![]).await;
    let bearer = site.bearer();
    let json = [bearer.clone(), "Content-Type: application/json".to_owned()];
    let set = async |role: &str| {
        let body = format!("{{\"role\":\"{role}\"}}");
        site.send("PUT /api/v1/users/ann", &json, &body)
            .await
            .status
    };
    let link = "POST /api/v1/login-links?user=ann";
    let nobody = site.send(link, std::slice::from_ref(&bearer), "").await;
    assert_eq!(nobody.status, 404);
    assert_eq!(set("viewer").await, 200);
    assert_eq!(set("king").await, 422);
    let made = site
        .send(link, std::slice::from_ref(&bearer), "")
        .await
        .json();
    let path = made["url"].as_str().unwrap();
    let path = path.strip_prefix(&site.state.base_url).unwrap();
    let reply = site.get_unknown(path).await;
    let cookie = reply
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let session = [format!("Cookie: {cookie}")];
    let asked = async |path: &str| site.send(&format!("GET {path}"), &session, "").await.status;
    assert_eq!(
        (asked("/api/v1/sources").await, asked("/api/v1/users").await),
        (200, 403)
    );
    // At once, though the session was asked for before.
    assert_eq!(set("admin").await, 200);
    assert_eq!(asked("/api/v1/users").await, 200);
    let disable = "DELETE /api/v1/users/ann";
    let bearer = std::slice::from_ref(&bearer);
    assert_eq!(site.send(disable, bearer, "").await.status, 200);
    assert_eq!(site.send(disable, bearer, "").await.status, 404);
    assert_eq!(asked("/api/v1/sources").await, 401);
    assert_eq!(site.send(link, bearer, "").await.status, 409);
}

#[tokio::test]
async fn every_change_is_noted_with_who_and_how_it_ended_and_nothing_else() {
    let site = Site::new(vec![post(0, "secret words")]).await;
    let json = [site.bearer(), "Content-Type: application/json".to_owned()];
    site.get("/api/v1/search?q=secret").await;
    site.send("PUT /api/v1/users/ann", &json, r#"{"role":"crm"}"#)
        .await;
    site.send("PUT /api/v1/users/ann", &json, r#"{"role":"king"}"#)
        .await;
    site.send("DELETE /api/v1/users/ann", &[], "").await;
    let listed = site.get("/api/v1/audit?limit=1").await.json();
    assert_eq!(listed["next"], 2);
    let newest = &listed["entries"][0];
    assert_eq!(
        (&newest["actor"], &newest["outcome"]),
        (&"token test".into(), &"422".into())
    );
    let rest = site.get("/api/v1/audit?before=2").await.json();
    assert_eq!(rest["entries"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next"], serde_json::Value::Null);
    let first = &rest["entries"][0];
    assert_eq!(first["action"], "PUT /api/v1/users/{id}");
    assert_eq!(
        (&first["subject"], &first["outcome"]),
        (&"ann".into(), &"200".into())
    );
    assert_eq!(site.get("/api/v1/audit?limit=501").await.status, 400);
    let check = site.state.store.verify_audit().await.unwrap();
    assert_eq!((check.good, check.broken), (2, None));
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused_by_token_and_not_for_others() {
    let mut site = Site::new(vec![]).await;
    site.pace(10).await;
    let mut statuses = Vec::new();
    for _ in 0..41 {
        statuses.push(site.get("/api/v1/monitors").await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 40);
    let refused = site.get("/api/v1/monitors").await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("1"))
    );
    assert_eq!(site.get_unknown("/healthz").await.status, 200);
    assert_eq!(site.local("GET /api/v1/monitors").await.status, 200);
    site.clock.advance(Duration::from_millis(100));
    assert_eq!(site.get("/api/v1/monitors").await.status, 200);
}
