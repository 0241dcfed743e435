//! Serves a router on a listener until it is told to stop. Listener and stop signal are arguments;
//! no address is chosen here.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::runtime::Clock;

/// How long requests that are under way may still take after the stop.
const GRACE: Duration = Duration::from_secs(5);

/// Serves over TCP until `stop`, then lets requests under way end for at most 5 s.
///
/// # Errors
/// Never in practice: failed accepts are tried again.
pub async fn serve_tcp(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    clock: Clock,
) -> io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    bounded(serving.into_future(), stop, clock).await
}

/// Serves over a Unix socket until `stop`, then lets requests under way end for at most 5 s.
///
/// # Errors
/// Never in practice: failed accepts are tried again.
pub async fn serve_unix(
    listener: UnixListener,
    router: Router,
    stop: CancellationToken,
    clock: Clock,
) -> io::Result<()> {
    let serving =
        axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    bounded(serving.into_future(), stop, clock).await
}

/// A client that keeps its connection busy must not hold up the end.
async fn bounded(
    serving: impl Future<Output = io::Result<()>>,
    stop: CancellationToken,
    clock: Clock,
) -> io::Result<()> {
    let deadline = async {
        stop.cancelled().await;
        clock.sleep(GRACE).await;
    };
    tokio::select! {
        result = serving => result,
        () = deadline => {
            tracing::warn!("requests were still under way at the end and were cut off");
            Ok(())
        }
    }
}

/// Binds the socket that only this user may open (mode 0600). A socket that a dead daemon left is
/// replaced; one that answers is not.
///
/// # Errors
/// When another daemon answers there, when something else has the name, or when the directory cannot be written.
pub async fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            let text = format!("{} exists and is not a socket", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        Ok(_) if UnixStream::connect(path).await.is_ok() => {
            let text = format!("another daemon answers on {}", path.display());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
        }
        Ok(_) => {}
    }
    // Bound under another name, closed to others, then renamed: nobody can connect in between.
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = Path::new(&name);
    match std::fs::remove_file(fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(fresh)?;
    std::fs::set_permissions(fresh, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(fresh, path)?;
    Ok(listener)
}
