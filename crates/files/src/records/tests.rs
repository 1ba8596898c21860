use super::*;
use encoding_rs::UTF_8;
use proptest::prelude::*;

fn read(text: &[u8]) -> Result<Vec<Vec<String>>, String> {
    let mut records = RecordReader::new(text, UTF_8, b',');
    let mut all = Vec::new();
    while let Some(record) = records.next().map_err(|error| format!("{error:?}"))? {
        all.push((0..record.len()).map(|place| record.get(place).to_owned()).collect());
    }
    Ok(all)
}

#[test]
fn fields_are_split_and_unquoted() {
    let text = b"a,\"b,\"\"c\"\"\",\r\n\"\",\"d\r\ne\",f\n\n,,\n\"x\"";
    let expected: [&[&str]; 3] = [&["a", "b,\"c\"", ""], &["", "d\r\ne", "f"], &["x"]];
    assert_eq!(read(text).unwrap(), expected);
}

#[test]
fn quotes_inside_a_plain_field_are_text() {
    assert_eq!(read(b"a 7\" wide,b\n").unwrap(), [["a 7\" wide", "b"]]);
}

#[test]
fn the_longest_record_is_read_and_a_longer_one_is_not() {
    let mut text = vec![b'x'; RECORD_BYTES_MAX - 1];
    text.push(b'\n');
    assert_eq!(read(&text).unwrap().len(), 1);
    text.insert(0, b'x');
    assert_eq!(read(&text).unwrap_err(), "TooLong { line: 1 }");
    text.insert(0, b'\n');
    assert_eq!(read(&text).unwrap_err(), "TooLong { line: 2 }");
}

proptest! {
    #[test]
    fn what_the_csv_crate_writes_is_read_as_it_reads_it(
        table in prop::collection::vec(prop::collection::vec("[a-c,\"\r\n é门]{0,6}", 3), 1..6),
        crlf in any::<bool>(),
    ) {
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(end).from_writer(Vec::new());
        for record in &table {
            writer.write_record(record).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_slice());
        let trimmed = |field: &str| field.trim_matches([' ', '\t']).to_owned();
        let theirs: Vec<(u64, Vec<String>)> = reader
            .records()
            .map(Result::unwrap)
            .filter(|record| record.iter().any(|field| !trimmed(field).is_empty()))
            .map(|record| {
                let line = record.position().unwrap().line();
                (line, record.iter().map(trimmed).collect())
            })
            .collect();
        let ours = read(&text).unwrap();
        let fields: Vec<&Vec<String>> = theirs.iter().map(|(_, fields)| fields).collect();
        prop_assert_eq!(ours.iter().collect::<Vec<_>>(), fields);
        // With CRLF the csv crate counts the line feed to the next record.
        let mut records = RecordReader::new(text.as_slice(), UTF_8, b',');
        for (line, _) in theirs.into_iter().filter(|_| !crlf) {
            let record = records.next().unwrap().unwrap();
            prop_assert_eq!(u64::from(record.line), line);
        }
    }

    #[test]
    fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&text);
    }
}
