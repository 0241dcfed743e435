//! The running daemon held to its own description of the API by schemathesis, which makes requests that the description
//! allows and others that it forbids. `OVERHEARD_SCHEMATHESIS` names the program, which `./test` fetches where Python is.

use std::process::Command;

use crate::daemon::{Home, PATIENCE, until};

/// What every answer must hold to. Not `positive_data_acceptance`: a query language and cursors refuse what no schema can.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
response_schema_conformance,negative_data_rejection,unsupported_method,ignored_auth";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_as_the_description_says_whatever_is_asked() {
    let Some(program) = std::env::var_os("OVERHEARD_SCHEMATHESIS") else {
        eprintln!("SKIPPED: OVERHEARD_SCHEMATHESIS is not set; ./test sets it where Python is");
        return;
    };
    let home = Home::new("");
    let lines: String = (0..20)
        .map(|n| format!("{{\"v\":1,\"id\":\"n{n}\",\"text\":\"My voltra battery is dead, number {n}\",\"language\":\"en\",\"author\":{{\"handle\":\"ann{n}\"}}}}\n"))
        .collect();
    let posts = home.file("posts.ndjson", lines);
    home.file(
        "overheard.toml",
        format!(
            "[fetch]\ncontact_url = \"https://overheard.invalid/tests\"\n[web]\nlisten = \"127.0.0.1:0\"\nrequests_per_second = 0\n\
             [log]\nformat = \"json\"\n[[sources]]\nid = \"posts\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{}\"\n\
             [[monitors]]\nid = \"voltra\"\nquery = \"voltra\"\nbrand = \"Voltra\"\n",
            posts.display()
        ),
    );
    let mut daemon = home.start();
    daemon.ready().await;
    let heard =
        async || (home.run(&["search", "--count", "voltra"]).stdout.trim() == "20").then_some(());
    until(PATIENCE, heard, || daemon.log()).await;
    home.run(&["searches", "save", "volts", "voltra"]);
    let token = home.run(&["token", "create", "schemathesis"]).stdout;
    let address = daemon.address().expect("it listens");

    let ended = Command::new(program)
        .current_dir(home.path(""))
        .arg("run")
        .arg(format!("http://{address}/api/v1/openapi.json"))
        .args([
            "--header",
            &format!("Authorization: Bearer {}", token.trim()),
        ])
        // Never ends, and shuts the tester out.
        .args(["--exclude-path", "/api/v1/search/live"])
        .args(["--exclude-path", "/api/v1/tokens/revoke"])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "20", "--seed", "7", "--no-color"])
        .args(["--warnings", "off"])
        .output()
        .expect("schemathesis runs");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", daemon.log());
    assert!(said.contains(" generated"), "nothing was asked: {said}");
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}
