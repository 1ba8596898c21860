//! Atomic file writes.

use std::fs;
use std::io::{self, Write};

use files::atomic::{AtomicWriteError, write_atomically};

use crate::support::folder;

#[test]
fn a_file_replaces_the_previous_one() {
    let path = folder().join("payouts.csv");
    for text in ["first", "second"] {
        let written =
            write_atomically(&path, |out| out.write_all(text.as_bytes()).map(|()| text.len()));
        assert_eq!(written.unwrap(), text.len());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn an_error_half_way_keeps_the_previous_file() {
    let path = folder().join("payouts.csv");
    let failing = |out: &mut dyn Write| {
        out.write_all(&[b'x'; 100_000])?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    };
    let failed: Result<(), _> = write_atomically(&path, |out| failing(out));
    assert!(matches!(failed, Err(AtomicWriteError::Content(_))));
    assert!(!path.exists());
    fs::write(&path, "before").unwrap();
    let failed: Result<(), _> = write_atomically(&path, |out| failing(out));
    assert!(failed.is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn a_missing_folder_is_an_error() {
    let path = folder().join("gone").join("payouts.csv");
    let failed = write_atomically(&path, |_| Ok::<_, io::Error>(())).unwrap_err().to_string();
    assert!(failed.contains("payouts.csv cannot be written (create): No such file"), "{failed}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let path = folder().join("payouts.xml");
    write_atomically(&path, |out| out.write_all(b"x")).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
