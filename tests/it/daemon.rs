//! The real binary as a child, and what it left behind. Waits are on conditions with deadlines.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use overheard::domain::PostId;
use overheard::fetch::local::LocalClient;
use overheard::index::{Index, SearchOptions};
use overheard::query::{Query, Sort};
use overheard::runtime::Clock;
use overheard::store::{Change, Store, StoredEvent};
use tempfile::TempDir;

/// The longest that anything is waited for, unless a test says less. The machines of CI are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(25);
/// A secret of the specification's form.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A directory with a configuration and a data directory.
pub struct Home {
    dir: TempDir,
}

impl Home {
    /// A home whose configuration is `settings` after what every test here needs: fake networks
    /// on loopback, no waits, any free port.
    pub fn new(settings: &str) -> Self {
        let home = Self {
            dir: TempDir::new().expect("a directory for temporary files"),
        };
        home.configure(settings);
        home
    }

    /// Writes the configuration anew.
    pub fn configure(&self, settings: &str) {
        let text = format!(
            r#"
[fetch]
contact_url = "https://overheard.invalid/tests"
allow_private = ["127.0.0.0/8"]
allow_ports = []
host_spacing_ms = 5
backoff_secs = 1
max_backoff_secs = 2
max_interval_secs = 2
[web]
listen = "127.0.0.1:0"
[log]
filter = "info"
format = "json"
{settings}"#
        );
        fs::write(self.config(), text).expect("the configuration can be written");
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.path("overheard.toml")
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file into the home.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Writes the webhook secret, readable by this user alone.
    pub fn secret(&self) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.file("secret", SECRET);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
        path
    }

    /// A command on this home's configuration and data.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = overheard(arguments);
        command
            .arg("--config")
            .arg(self.config())
            .arg("--data")
            .arg(self.data());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments), b"")
    }

    /// Starts the daemon; what it says goes to a fresh log.
    pub fn start(&self) -> TestDaemon {
        let log = self.path("daemon.log");
        let file = File::create(&log).expect("a log");
        let child = self
            .command(&["run"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the binary starts");
        TestDaemon {
            child,
            log,
            socket: self.data().join("api.sock"),
        }
    }

    /// The store, read-only, if there is one.
    pub fn store(&self) -> Option<Store> {
        Store::open_read_only(&self.data()).ok()
    }
}

/// The binary with these arguments and nothing of this process's environment that could steer it.
pub fn overheard(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overheard"));
    command.args(arguments).env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// What a command did.
#[derive(Debug)]
pub struct Ended {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// What it printed as JSON.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.status, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it failed, in words: neither a panic nor the operating system's error alone.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) {
        assert!(matches!(self.status, Some(1 | 2)), "{self:?}");
        self.speaks(words);
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        let first = self.stderr.lines().next().unwrap_or_default();
        assert!(!first.contains("os error"), "{self:?}");
    }

    /// Asserts that stderr holds these words, and no panic.
    #[track_caller]
    pub fn speaks(&self, words: &[&str]) {
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
    }
}

/// Runs a command to its end, with this on its stdin.
pub fn ended(mut command: Command, stdin: &[u8]) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // Small enough for the pipe; a command that reads nothing of it is fine.
    let _ = child.stdin.take().map(|mut pipe| pipe.write_all(stdin));
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("the binary ends");
    Ended {
        status: status.code(),
        stdout: String::from_utf8(stdout).expect("UTF-8"),
        stderr: String::from_utf8(stderr).expect("UTF-8"),
    }
}

/// Sends a signal by its name to a process.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .status();
    assert!(sent.is_ok_and(|sent| sent.success()), "kill -{name} {pid}");
}

/// A running daemon; killed when dropped.
pub struct TestDaemon {
    child: Child,
    log: PathBuf,
    socket: PathBuf,
}

impl TestDaemon {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The address of API and page, once it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("\"listening\""))?;
        let at = line.find("127.0.0.1:")?;
        let address: String = line[at..]
            .chars()
            .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
            .collect();
        address.parse().ok()
    }

    /// The status of a GET over TCP; `None` while nobody listens.
    pub fn get(&self, path: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(self.address()?).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address()?
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }

    /// Waits until it says over its socket that it is ready.
    pub async fn ready(&mut self) {
        let client = LocalClient::new(&self.socket).expect("a client");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(answer) = client.get("/readyz").await
                && answer.status == 200
            {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("the daemon ended with {status}:\n{}", self.log());
            }
            assert!(Instant::now() < deadline, "not ready:\n{}", self.log());
            pause().await;
        }
    }

    /// SIGKILL: no destructor, no flush.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// Sends a signal and waits for the end; returns the status and how long it took.
    pub async fn end(&mut self, name: &str) -> (Option<i32>, Duration) {
        let began = Instant::now();
        signal(self.pid(), name);
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return (status.code(), began.elapsed());
            }
            assert!(began.elapsed() < PATIENCE, "did not stop:\n{}", self.log());
            pause().await;
        }
    }

    /// A line of `/proc/PID/status` in KiB, such as `VmRSS` or its peak, `VmHWM`.
    pub fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("status");
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {status}"))
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        // Ended before, or of no use any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A moment between two looks.
pub async fn pause() {
    Clock::system().sleep(LOOK).await;
}

/// Waits until `condition` answers something; `told` says what is missing when it does not.
pub async fn until<T>(
    patience: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
    told: impl Fn() -> String,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "after {patience:?}: {}", told());
        pause().await;
    }
}

/// Everything that the store holds of posts, each once.
pub async fn all_changes(store: &Store) -> Vec<Change> {
    store.changes_after(0, 100_000).await.expect("changes")
}

/// All events, in order.
pub async fn all_events(store: &Store) -> Vec<StoredEvent> {
    store.events_after(0, 100_000).await.expect("events")
}

/// The ids of all documents in the index, in no order; the same id twice when it is there twice.
pub fn indexed(data: &Path) -> Vec<PostId> {
    let reader = Index::open_read_only(&data.join("index")).expect("an index");
    let query = Query::parse("since:1990-01-01").expect("a query");
    let options = SearchOptions {
        nearest: None,
        limit: 10_000,
        after: None,
        sort: Sort::Newest,
        facets: false,
        slots: false,
        now: Clock::system().now(),
        zone: TimeZone::UTC,
    };
    let found = reader.search(&query, &options).expect("an answer");
    assert_eq!(found.total, reader.documents());
    found.hits.into_iter().map(|hit| hit.post_id).collect()
}
