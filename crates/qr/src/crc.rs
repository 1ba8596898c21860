//! The checksum of tag 63.

const POLYNOMIAL: u16 = 0x1021;
const INITIAL: u16 = 0xFFFF;

/// The contribution of each value of the top byte: one look-up per byte instead of eight shifts.
const TABLE: [u16; 256] = table();

/// CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF, nothing reflected or inverted.
///
/// A code's checksum covers its UTF-8 bytes up to and including the checksum's tag and length
/// (`6304`).
#[must_use]
pub fn crc16_ccitt_false(bytes: &[u8]) -> u16 {
    bytes.iter().fold(INITIAL, |crc, &byte| {
        let [top, _] = crc.to_be_bytes();
        (crc << 8) ^ TABLE[usize::from(top ^ byte)]
    })
}

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut top: u16 = 0;
    while top < 256 {
        let mut crc = top << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL };
            bit += 1;
        }
        table[top as usize] = crc;
        top += 1;
    }
    table
}
