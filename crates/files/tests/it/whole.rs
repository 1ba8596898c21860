//! Files that are written whole or not at all.

use std::fs;
use std::io::{self, Write};

use files::whole::{WriteError, write_whole};

use crate::desk::folder;

#[test]
fn a_file_is_written_in_place_of_what_was_there() {
    let path = folder().join("payouts.csv");
    for text in ["first", "second"] {
        let written = write_whole(&path, |out| out.write_all(text.as_bytes()).map(|()| text.len()));
        assert_eq!(written.unwrap(), text.len());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn an_error_half_way_leaves_what_was_there() {
    let path = folder().join("payouts.csv");
    let failing = |out: &mut dyn Write| {
        out.write_all(&[b'x'; 100_000])?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    };
    let failed: Result<(), _> = write_whole(&path, |out| failing(out));
    assert!(matches!(failed, Err(WriteError::Content(_))));
    assert!(!path.exists());
    fs::write(&path, "before").unwrap();
    let failed: Result<(), _> = write_whole(&path, |out| failing(out));
    assert!(failed.is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let path = folder().join("gone").join("payouts.csv");
    let failed = write_whole(&path, |_| Ok::<_, io::Error>(())).unwrap_err().to_string();
    assert!(
        failed.contains("payouts.csv cannot be written (creating it): No such file"),
        "{failed}"
    );
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let path = folder().join("payouts.xml");
    write_whole(&path, |out| out.write_all(b"x")).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
