//! What every running part needs: the clock, supervised tasks, systemd, telemetry, safe files.
//!
//! Knows nothing of posts or sources. Only `clock` reads the time of day, only `supervisor` spawns.

pub mod atomic_file;
pub mod clock;
pub mod lock;
pub mod notify;
pub mod panics;
pub mod seal;
pub mod secret;
pub mod supervisor;
pub mod telemetry;

pub use atomic_file::write_atomically;
pub use clock::{Clock, ManualClock, TimeOfDay, later, time_left};
pub use lock::{DataLock, LockError};
pub use notify::Notifier;
pub use secret::{SecretError, read_secret};
pub use supervisor::{Supervisor, TaskState, TaskStatus, caught};
pub use telemetry::{LogStyle, METRICS, Metrics, TelemetryError, init_logs};
