//! Who gets a parcel, as it is sealed.

use files::orders::BuyerDetails;
use zeroize::Zeroizing;

/// The plain text that is sealed.
#[must_use]
pub fn delivery_bytes(buyer: &BuyerDetails) -> Zeroizing<Vec<u8>> {
    let BuyerDetails { name, phone, address } = buyer;
    let texts = [name, phone, address];
    // Enough for all texts, so that no part of a smaller buffer stays behind.
    let room = texts.iter().map(|text| text.len() + size_of::<u32>()).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    borsh::to_writer(&mut *bytes, &texts).expect("a vector takes every byte");
    bytes
}

/// Reads what [`delivery_bytes`] wrote. `None` if it is something else.
#[must_use]
pub fn delivery_of(bytes: &[u8]) -> Option<BuyerDetails> {
    let [name, phone, address] = borsh::from_slice(bytes).ok()?;
    Some(BuyerDetails { name, phone, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_read_again() {
        let buyer = BuyerDetails {
            name: "王小明".to_owned(),
            phone: "13800000000".to_owned(),
            address: "北京市, 100000".to_owned(),
        };
        let bytes = delivery_bytes(&buyer);
        assert_eq!(bytes.capacity(), bytes.len());
        assert_eq!(delivery_of(&bytes), Some(buyer));
        assert_eq!(delivery_of(&bytes[1..]), None);
    }
}
