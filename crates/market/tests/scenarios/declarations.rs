//! The declarations of commands: their numbers and bytes are in the journal for ever.

use market::*;

use crate::shop::{Shop, buyer, line, promotion, yuan};

#[test]
fn numbers_and_names_are_unique_and_no_machine_has_another_ones() {
    let books = books::Command::SPECS;
    for (place, spec) in MarketCommand::SPECS.iter().enumerate() {
        let others = MarketCommand::SPECS[..place].iter().chain(books);
        for other in others {
            assert_ne!(spec.number, other.number, "{}", spec.name);
            assert_ne!(spec.name, other.name);
        }
    }
}

#[test]
fn each_field_says_what_it_is_in_its_schema() {
    for spec in MarketCommand::SPECS {
        let schema = serde_json::to_value((spec.schema)()).unwrap();
        assert!(schema["description"].is_string(), "{} has a description", spec.name);
        assert!(schema["properties"].is_object(), "{} has fields", spec.name);
    }
}

/// The bytes of a checkout, which journals hold.
#[test]
fn a_checkout_has_these_bytes() {
    let checkout = Checkout {
        reservation: Some(ReservationId(5)),
        ..Shop::open().cart_with(7, buyer(2), &[line(1, 3)], &[])
    };
    let command = MarketCommand::from(checkout);
    let bytes = borsh::to_vec(&command).unwrap();
    let mut expected = vec![215, 7, 0, 0, 0, 0, 0, 0, 0];
    expected.extend(buyer(2).0);
    expected.extend([156, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
    expected.extend([0, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend(yuan(300).minor().to_le_bytes());
    assert_eq!(bytes, expected);
    assert_eq!(borsh::from_slice::<MarketCommand>(&bytes).unwrap(), command);
}

#[test]
fn json_reads_what_it_writes() {
    let rule = PromotionRule::AmountOff(yuan(5));
    let command = MarketCommand::from(promotion(1, rule));
    let json = serde_json::to_string(&command).unwrap();
    assert_eq!(serde_json::from_str::<MarketCommand>(&json).unwrap(), command);
    assert!(json.contains(r#""command":"PublishPromotion""#));
}

#[test]
fn every_refusal_has_a_text() {
    for refusal in MarketRefusal::examples() {
        let text = refusal.to_string();
        assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
    }
    assert!(MissingMarketRecord::examples().len() + PromotionFault::examples().len() > 20);
}
