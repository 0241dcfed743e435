//! Talking to systemd: ready, stopping, status lines and the watchdog.
//!
//! The protocol is one datagram of `KEY=value` lines to the socket in `NOTIFY_SOCKET`. Nothing is
//! sent when that is unset, and a failure to send never stops the daemon. (Own code: the environment
//! is an argument, so that a test can listen, and sockets in the abstract name space work.)

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::clock::Clock;

/// Tells the service manager how we fare.
#[derive(Debug, Clone, Default)]
pub struct Notifier {
    socket: Option<SocketAddr>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` through `variable`
    /// (`std::env::var_os`). Silent when the first is unset or unusable.
    #[must_use]
    pub fn from_env(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let number = |name: &str| {
            variable(name)
                .and_then(|value| value.into_string().ok())
                .and_then(|value| value.parse::<u64>().ok())
        };
        let socket = variable("NOTIFY_SOCKET").and_then(|name| socket_address(&name));
        // The variables are inherited by children; the pid says whom they are meant for.
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC")
            .filter(|micros| ours && *micros > 0)
            .map(Duration::from_micros);
        Self { socket, watchdog }
    }

    /// Says that the start is complete, with a line for people.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}\n", one_line(status)));
    }

    /// Says that we are stopping.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping\n");
    }

    /// Sets the line that `systemctl status` shows.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}\n", one_line(status)));
    }

    /// Feeds the watchdog twice in its interval for as long as `alive` says yes; when it says no,
    /// nothing is sent and systemd restarts us. Ends at once where no watchdog is set.
    ///
    /// # Errors
    /// None; the result has the form of a supervised task.
    pub async fn watchdog(
        &self,
        clock: &Clock,
        alive: impl Fn() -> bool + Send,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let Some(interval) = self.watchdog.filter(|_| self.socket.is_some()) else {
            return Ok(());
        };
        loop {
            if alive() {
                self.send("WATCHDOG=1\n");
            } else {
                warn!("not alive: the watchdog is not fed");
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = clock.sleep(interval / 2) => {}
            }
        }
    }

    fn send(&self, message: &str) {
        let Some(address) = &self.socket else {
            return;
        };
        let sent = UnixDatagram::unbound()
            .and_then(|socket| socket.send_to_addr(message.as_bytes(), address));
        if let Err(error) = sent {
            debug!(%error, "telling systemd failed");
        }
    }
}

/// A path, or a name in the abstract name space after an `@`.
fn socket_address(name: &OsString) -> Option<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
        [b'/', ..] => SocketAddr::from_pathname(name).ok(),
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notifier(socket: &std::path::Path, watchdog: &str, pid: u32) -> Notifier {
        Notifier::from_env(|name| match name {
            "NOTIFY_SOCKET" => Some(socket.into()),
            "WATCHDOG_USEC" => Some(watchdog.into()),
            "WATCHDOG_PID" => Some(pid.to_string().into()),
            _ => None,
        })
    }

    fn receive(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn systemd_hears_ready_status_and_stopping() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notifier = notifier(&path, "0", 0);
        notifier.ready("12 sources");
        assert_eq!(receive(&systemd), "READY=1\nSTATUS=12 sources\n");
        notifier.status("a\nREADY=0");
        assert_eq!(receive(&systemd), "STATUS=a READY=0\n");
        notifier.stopping();
        assert_eq!(receive(&systemd), "STOPPING=1\nSTATUS=stopping\n");
    }

    #[test]
    fn abstract_sockets_work_and_no_socket_is_silence() {
        let name = format!("overheard-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let systemd = UnixDatagram::bind_addr(&address).unwrap();
        notifier(std::path::Path::new(&format!("@{name}")), "0", 0).status("x");
        assert_eq!(receive(&systemd), "STATUS=x\n");
        let silent = Notifier::from_env(|_| None);
        silent.ready("nobody listens");
        assert!(silent.socket.is_none());
    }

    #[tokio::test]
    async fn the_watchdog_is_fed_only_while_alive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        systemd.set_nonblocking(true).unwrap();
        let notifier = notifier(&path, "20000000", std::process::id());
        let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        let stop = CancellationToken::new();
        let alive = std::sync::atomic::AtomicBool::new(true);
        let feeding = notifier.watchdog(
            &clock,
            || alive.load(std::sync::atomic::Ordering::SeqCst),
            stop.clone(),
        );
        tokio::pin!(feeding);
        assert!(futures_util::poll!(feeding.as_mut()).is_pending());
        assert_eq!(receive(&systemd), "WATCHDOG=1\n");
        hand.advance(Duration::from_secs(10));
        assert!(futures_util::poll!(feeding.as_mut()).is_pending());
        assert_eq!(receive(&systemd), "WATCHDOG=1\n");
        alive.store(false, std::sync::atomic::Ordering::SeqCst);
        hand.advance(Duration::from_secs(10));
        assert!(futures_util::poll!(feeding.as_mut()).is_pending());
        assert_eq!(
            systemd.recv(&mut [0; 64]).unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock
        );
        stop.cancel();
        feeding.await.unwrap();
    }

    #[tokio::test]
    async fn a_watchdog_meant_for_another_process_is_not_fed() {
        let (clock, _hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        let other = notifier(std::path::Path::new("/nowhere"), "1000", 1);
        assert_eq!(other.watchdog, None);
        other
            .watchdog(&clock, || true, CancellationToken::new())
            .await
            .unwrap();
    }
}
