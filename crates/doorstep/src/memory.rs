//! Keeps keys and card data in the memory of this process.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// [`protect`], unless this process has done it.
pub fn protect_once() {
    if !PROTECTED.load(Ordering::Relaxed) {
        // Who does not serve does not say what is not protected.
        drop(protect());
    }
}

static PROTECTED: AtomicBool = AtomicBool::new(false);

/// For a process that holds keys or card data: no core file, no look from other processes of this
/// user, nothing in the swap, and freed memory is zeroed. What the system does not allow is left
/// out; the note says so.
#[must_use]
pub fn protect() -> Option<String> {
    PROTECTED.store(true, Ordering::Relaxed);
    wiping::wipe_freed_memory();
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let core = setrlimit(Resource::Core, none).map_err(|error| format!("core files: {error}"));
    let failed = [core, hide(), lock()].into_iter().filter_map(Result::err);
    let failed: Vec<String> = failed.collect();
    (!failed.is_empty()).then(|| failed.join("; "))
}

/// Says in the log what [`protect`] could not do.
pub fn log(unprotected: Option<String>) {
    if let Some(reason) = unprotected {
        tracing::warn!(target: "host", reason, "memory is not fully protected");
    }
}

/// Other processes of this user cannot trace this one or read its memory and environment.
#[cfg(target_os = "linux")]
fn hide() -> Result<(), String> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    hidden.map_err(|error| format!("PR_SET_DUMPABLE: {error}"))
}

#[cfg(not(target_os = "linux"))]
fn hide() -> Result<(), String> {
    Ok(())
}

/// Keeps all pages out of the swap, if there is no limit on locked memory. With one, a page that
/// does not fit would end the process.
#[cfg(target_os = "linux")]
fn lock() -> Result<(), String> {
    use rustix::mm::{MlockAllFlags, mlockall};
    let unlimited = Rlimit { current: None, maximum: None };
    // Root may raise the limit. For others the limit says what is allowed.
    let _ = setrlimit(Resource::Memlock, unlimited);
    if let Some(bytes) = getrlimit(Resource::Memlock).current {
        return Err(format!(
            "memory can be swapped out: the limit of locked memory is {bytes} bytes \
             (`ulimit -l unlimited`)"
        ));
    }
    // Pages are locked as they are used: what is reserved costs nothing.
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    mlockall(all).map_err(|error| format!("memory can be swapped out: {error}"))
}

#[cfg(not(target_os = "linux"))]
fn lock() -> Result<(), String> {
    Ok(())
}
