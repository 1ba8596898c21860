//! A ZIP archive (PKWARE's APPNOTE 6.3.3, sections 4.3 to 4.5): names as given, without the flag
//! for UTF-8; content in the blocks of DEFLATE that are not compressed (RFC 1951, 3.2.4).

use books::BusinessDate;

const LOCAL_HEADER: u32 = 0x0403_4B50;
const CENTRAL_HEADER: u32 = 0x0201_4B50;
const END_OF_DIRECTORY: u32 = 0x0605_4B50;
/// The version that extracts DEFLATE.
const VERSION: u16 = 20;
const DEFLATE: u16 = 8;
const BLOCK_BYTES_MAX: usize = 65_535;

/// An archive of files, each with its name and content, all of one date.
pub(super) fn zip(files: &[(Vec<u8>, Vec<u8>)], date: BusinessDate) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    let date = date.civil();
    let year = u16::try_from(i32::from(date.year()) - 1980).unwrap_or(0);
    let of_year = |number: i8| u16::from(number.unsigned_abs());
    let dos_date = year << 9 | of_year(date.month()) << 5 | of_year(date.day());
    for (name, content) in files {
        let offset = size(out.len());
        let packed = deflate(content);
        let mut header = Vec::new();
        for word in [VERSION, 0, DEFLATE, 0, dos_date] {
            header.extend_from_slice(&word.to_le_bytes());
        }
        for long in [crc32(content), size(packed.len()), size(content.len())] {
            header.extend_from_slice(&long.to_le_bytes());
        }
        let name_bytes = u16::try_from(name.len()).expect("a name of a bill is short");
        header.extend_from_slice(&name_bytes.to_le_bytes());
        header.extend_from_slice(&[0; 2]);

        out.extend_from_slice(&LOCAL_HEADER.to_le_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(name);
        out.extend_from_slice(&packed);

        directory.extend_from_slice(&CENTRAL_HEADER.to_le_bytes());
        directory.extend_from_slice(&VERSION.to_le_bytes());
        directory.extend_from_slice(&header);
        // Comment, disk and attributes: none.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name);
    }
    let begins = size(out.len());
    out.extend_from_slice(&directory);
    out.extend_from_slice(&END_OF_DIRECTORY.to_le_bytes());
    let count = u16::try_from(files.len()).expect("a bill has two files");
    for word in [0, 0, count, count] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for long in [size(directory.len()), begins] {
        out.extend_from_slice(&long.to_le_bytes());
    }
    out.extend_from_slice(&[0; 2]);
    out
}

fn size(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a day's bill is smaller than 4 GiB")
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 5);
    let mut blocks = content.chunks(BLOCK_BYTES_MAX).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("a block is short");
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out
}

/// CRC-32 of ISO 3309.
fn crc32(content: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    let table: [u32; 256] = std::array::from_fn(|byte| {
        let byte = u32::try_from(byte).unwrap_or(0);
        (0..8).fold(byte, |rest, _| rest >> 1 ^ if rest & 1 == 1 { POLYNOMIAL } else { 0 })
    });
    !content.iter().fold(u32::MAX, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        crc >> 8 ^ table[usize::from(low ^ byte)]
    })
}
