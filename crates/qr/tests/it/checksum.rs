//! The checksum against published values (the corpus of Go's hash tests).

use qr::crc16_ccitt_false;

use crate::support;

const KNOWN: [(&str, u16); 30] = [
    ("a", 0x9D77),
    ("ab", 0x69F0),
    ("abc", 0x514A),
    ("abcd", 0x2CF6),
    ("abcde", 0x2FED),
    ("abcdef", 0x34ED),
    ("abcdefg", 0x8796),
    ("abcdefgh", 0x9AC1),
    ("abcdefghi", 0x1E7C),
    ("abcdefghij", 0x4213),
    ("Discard medicine more than two years old.", 0xB869),
    ("He who has a shady past knows that nice guys finish last.", 0x3BF6),
    ("I wouldn't marry him with a ten foot pole.", 0xF3A8),
    ("Free! Free!/A trip/to Mars/for 900/empty jars/Burma Shave", 0x3929),
    ("The days of the digital watch are numbered.  -Tom Stoppard", 0x5DAE),
    ("Nepal premier won't resign.", 0xC724),
    ("For every action there is an equal and opposite government program.", 0x97E0),
    ("His money is twice tainted: 'taint yours and 'taint mine.", 0xC3BF),
    (
        "There is no reason for any individual to have a computer in their home. -Ken Olsen, 1977",
        0x8550,
    ),
    ("It's a tiny change to the code and not completely disgusting. - Bob Manchek", 0xC968),
    ("size:  a.out:  bad magic", 0x5FE9),
    ("The major problem is with sendmail.  -Mark Horton", 0xFE1D),
    ("Give me a rock, paper and scissors and I will move the world.  CCFestoon", 0xB2C5),
    ("If the enemy is within range, then so are you.", 0x8838),
    ("It's well we cannot hear the screams/That we create in others' dreams.", 0x5F97),
    ("You remind me of a TV show, but that's all right: I watch it anyway.", 0xD800),
    ("C is as portable as Stonehedge!!", 0xA30C),
    (
        "Even if I could be Shakespeare, I think I should still choose to be Faraday. - A. Huxley",
        0x0BF2,
    ),
    (
        "The fugacity of a constituent in a mixture of gases at a given temperature is \
         proportional to its mole fraction.  Lewis-Randall Rule",
        0xCF9F,
    ),
    ("How can you write a big system without C++?  -Paul Glick", 0xCEEA),
];

#[test]
fn the_checksum_is_ccitt_false() {
    assert_eq!(crc16_ccitt_false(b""), 0xFFFF);
    assert_eq!(crc16_ccitt_false(b"123456789"), 0x29B1);
    for (text, checksum) in KNOWN {
        assert_eq!(crc16_ccitt_false(text.as_bytes()), checksum, "{text}");
    }
}

#[test]
fn all_checksums_of_the_vectors_are_tested() {
    let Some(list) = support::vectors("crc16_ccitt_false.json") else { return };
    for vector in list {
        let text = vector["in"].as_str().unwrap();
        let found = format!("{:04X}", crc16_ccitt_false(text.as_bytes()));
        assert_eq!(found == vector["crc"].as_str().unwrap(), vector["ok"].as_bool().unwrap());
        assert!(KNOWN.iter().any(|(known, _)| *known == text), "{text} is not typed in here");
    }
}
