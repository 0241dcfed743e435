//! `overheard deliveries` against a receiver that refuses, then takes, what it is sent.

use std::net::TcpListener;
use std::sync::atomic::Ordering;

use crate::daemon::Home;
use crate::receiver::Receiver;

/// A home with one monitor, one post to come, and the receiver as endpoint `crm`.
fn home(receiver: &Receiver) -> Home {
    let home = Home::new("");
    let posts = home.file(
        "posts.ndjson",
        "{\"v\":1,\"id\":\"1\",\"text\":\"battery dead\",\"language\":\"en\"}\n",
    );
    home.configure(&format!(
        "[analysis]\nengine = \"none\"\n[[sources]]\nid = \"posts\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{}\"\n[[monitors]]\nid = \"all\"\nquery = \"battery\"\n[[endpoints]]\nid = \"crm\"\nurl = \"{}\"\nsecret_file = \"{}\"\nallow_http = true\n",
        posts.display(),
        receiver.url,
        home.secret().display()
    ));
    home
}

#[test]
fn what_was_refused_is_listed_shown_and_explained() {
    let receiver = Receiver::new(500);
    let home = home(&receiver);
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(0), "{once:?}");

    let listed = home.run(&["deliveries", "list", "--json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let delivery = &listed[0];
    assert_eq!(delivery["state"], "pending");
    assert_eq!(delivery["type"], "mention.created");
    assert_eq!(delivery["last_status"], 500);
    assert_eq!(delivery["last_error"], "answered 500");
    assert!(delivery["next_attempt_at"].is_string(), "{delivery}");
    let none = home
        .run(&["deliveries", "list", "--state", "delivered", "--json"])
        .json();
    assert_eq!(none, serde_json::json!([]));
    home.run(&["deliveries", "list", "--endpoint", "nobody"])
        .refused(&["there is no endpoint \"nobody\"", "crm"]);

    let event = delivery["event"].as_str().expect("an id");
    let shown = home.run(&["deliveries", "show", event, "--json"]).json();
    assert_eq!(
        shown["deliveries"][0]["attempted"][0]["status"], 500,
        "{shown}"
    );
    assert_eq!(shown["body"]["data"]["text"], "battery dead");
    // What is shown is what was sent.
    let (_, sent) = receiver.got.lock().expect("no panic")[0].clone();
    let sent: serde_json::Value = serde_json::from_str(&sent).expect("JSON");
    assert_eq!(shown["body"], sent);
    let words = home.run(&["deliveries", "show", event]);
    assert!(words.stdout.contains("answered 500"), "{words:?}");
    home.run(&["deliveries", "show", "evt_00000000000000000000000000000000"])
        .refused(&["there is no event", "deliveries list"]);
}

#[test]
fn a_test_event_is_signed_and_judged_and_leaves_no_trace() {
    let receiver = Receiver::new(204);
    let home = home(&receiver);
    let good = home.run(&["deliveries", "test", "crm", "--json"]).json();
    assert_eq!(good["delivered"], true, "{good}");
    let (head, body) = receiver.got.lock().expect("no panic")[0].clone();
    let header = |name: &str| {
        let found = head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        });
        found.unwrap_or_else(|| panic!("no {name} in {head}"))
    };
    let mut verify = home.command(&["webhook", "verify"]);
    verify.arg("--secret-file").arg(home.secret());
    for (option, name) in [
        ("--id", "webhook-id"),
        ("--timestamp", "webhook-timestamp"),
        ("--signature", "webhook-signature"),
    ] {
        verify.arg(option).arg(header(name));
    }
    let verified = crate::daemon::ended(verify, body.as_bytes());
    assert_eq!(verified.status, Some(0), "{verified:?}");
    assert!(body.contains("\"type\":\"endpoint.test\""), "{body}");

    receiver.status.store(302, Ordering::SeqCst);
    let refused = home.run(&["deliveries", "test", "crm"]);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("answered 302"), "{refused:?}");
    assert_eq!(receiver.got.lock().expect("no panic").len(), 2);
    home.run(&["deliveries", "test", "nobody"])
        .refused(&["there is no endpoint"]);
}

/// A receiver in another language; killed when dropped.
struct Foreign(std::process::Child);

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_guides_receivers_believe_us_and_nobody_else() {
    let mut ran = 0;
    for (program, file) in [
        ("python3", "receiver.py"),
        ("node", "receiver.mjs"),
        ("java", "Receiver.java"),
    ] {
        let installed = std::process::Command::new(program)
            .arg("--version")
            .output();
        if installed.is_err() {
            eprintln!("SKIPPED: {file}, {program} is not installed");
            continue;
        }
        ran += 1;
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").expect("a port");
            free.local_addr().expect("an address").port()
        };
        let receiver = Receiver::new(204);
        let home = home(&Receiver {
            url: format!("http://127.0.0.1:{port}/hook"),
            ..receiver
        });
        let path = crate::support::root().join("examples/receivers").join(file);
        let child = std::process::Command::new(program)
            .arg(path)
            .arg(port.to_string())
            .arg(home.secret())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        let _receiver = Foreign(child);
        let began = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                began.elapsed() < crate::daemon::PATIENCE,
                "{file} does not listen"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let believed = home.run(&["deliveries", "test", "crm"]);
        assert_eq!(believed.status, Some(0), "{file}: {believed:?}");
        // Another secret of the right form: the receiver has the old one.
        let other = home.run(&["webhook", "secret"]).stdout;
        std::fs::write(home.secret(), other).expect("the secret");
        let refused = home.run(&["deliveries", "test", "crm"]);
        assert!(
            refused.stdout.contains("answered 401"),
            "{file}: {refused:?}"
        );
    }
    assert!(ran > 0, "no language at all is installed");
}

#[test]
fn cloudevents_are_signed_as_they_are_sent() {
    let receiver = Receiver::new(204);
    let home = home(&receiver);
    let config = std::fs::read_to_string(home.config()).expect("the configuration");
    for (format, kind) in [
        ("cloudevents", "application/cloudevents+json"),
        ("cloudevents-binary", "application/json"),
    ] {
        home.file("overheard.toml", format!("{config}format = \"{format}\"\n"));
        let sent = home.run(&["deliveries", "test", "crm"]);
        assert_eq!(sent.status, Some(0), "{sent:?}");
        let (head, body) = receiver
            .got
            .lock()
            .expect("no panic")
            .pop()
            .expect("a request");
        let head = head.to_ascii_lowercase();
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        assert_eq!(
            head.contains("ce-type: endpoint.test"),
            format.ends_with("binary"),
            "{head}"
        );
        let inside = body.contains("\"specversion\":\"1.0\"");
        assert_eq!(inside, !format.ends_with("binary"), "{body}");
    }
    home.file("overheard.toml", format!("{config}format = \"xml\"\n"));
    home.run(&["check"]).refused(&["cloudevents-binary"]);
}
