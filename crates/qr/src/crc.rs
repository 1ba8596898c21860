//! The checksum of tag 63.

const POLYNOMIAL: u16 = 0x1021;
const INITIAL: u16 = 0xFFFF;

/// What each value of the top byte adds, so that a byte costs one look-up and not eight shifts.
const TABLE: [u16; 256] = table();

/// CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF, nothing reflected or inverted.
///
/// Of a code it is taken over all its UTF-8 bytes, with the tag and length of the checksum (`6304`)
/// and without its value.
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
