use files::incoming::check::{FileFormat, ReadOptions, check};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let file = std::fs::File::open(&args[2]).unwrap();
    let format = FileFormat::find(&args[1]).unwrap();
    let options = ReadOptions { file_date: "2026-11-30".parse().ok(), ..ReadOptions::default() };
    let at = std::time::Instant::now();
    let checked = check(&file, &args[2], format, &options);
    match checked {
        Ok(checked) => {
            let mut n = 0u64;
            checked.stream(&file, &options, &mut |_| n += 1).unwrap();
            eprintln!("{:?} parts {n} {:?}", checked.head, at.elapsed());
        }
        Err(error) => eprintln!("{:.1000}", error.to_string()),
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    eprintln!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}
