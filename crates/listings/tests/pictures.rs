//! Pictures are decoded and written anew, and kept under their digests beside the texts.
#![allow(clippy::unwrap_used)]

use books::Sha256Digest;
use listings::{
    OfferText, OfferTextFault, PICTURE_BYTES_MAX, PUBLIC_TEXTS_FILE, Picture, PictureFault,
    PictureSize, StoreError, TextStore,
};

/// A picture as a seller may send it, of one colour.
fn sent(format: image::ImageFormat, (width, height): (u32, u32)) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([200, 30, 90]));
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|one| one == part)
}

#[test]
fn only_the_pixels_of_a_picture_are_kept() {
    use image::ImageFormat::{Jpeg, Png, WebP};
    for format in [Jpeg, Png, WebP] {
        let mut bytes = sent(format, (2_400, 600));
        if format == Jpeg {
            // A comment after the first marker, and a page behind the end: a polyglot.
            let comment = b"\xff\xfe\x00\x1b<script>alert(1)</script>";
            bytes.splice(2..2, comment.iter().copied());
            bytes.extend(b"<html><script>alert(2)</script></html>\xff\xd9");
        }
        let picture = Picture::read(&bytes).unwrap();
        for (kept, side) in [(&picture.large, 1_200), (&picture.small, 320)] {
            assert!(!has(kept, b"script") && kept.starts_with(b"\xff\xd8\xff"));
            let read = image::load_from_memory(kept).unwrap();
            assert_eq!((read.width(), read.height()), (side, side / 4));
        }
    }
    // What is transparent is white.
    let clear = image::RgbaImage::from_pixel(8, 8, image::Rgba([0, 0, 0, 0]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    clear.write_to(&mut bytes, Png).unwrap();
    let kept = Picture::read(&bytes.into_inner()).unwrap();
    let read = image::load_from_memory(&kept.large).unwrap().to_rgb8();
    assert!(read.pixels().all(|pixel| pixel.0.iter().all(|part| *part > 250)));
}

#[test]
fn what_is_no_whole_picture_of_a_bearable_size_is_refused() {
    use image::ImageFormat::{Jpeg, Png, WebP};
    for format in [Jpeg, Png, WebP] {
        let bytes = sent(format, (300, 200));
        for part in [bytes.len() / 3, bytes.len() / 2, bytes.len() * 9 / 10] {
            let cut = Picture::read(&bytes[..part]).map(|_| ());
            assert_eq!(cut, Err(PictureFault::Damaged), "{format:?} cut to {part}");
        }
    }
    for other in [&b""[..], b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a\x01"] {
        assert_eq!(Picture::read(other), Err(PictureFault::OtherFormat));
    }
    assert_eq!(Picture::read(&vec![0; PICTURE_BYTES_MAX + 1]), Err(PictureFault::TooManyBytes));
    // A small file that says it has 60,000 by 60,000 pixels: nothing of it is decoded.
    let mut bomb = sent(Png, (16, 16));
    bomb[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let checksum = crc32(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&checksum);
    assert_eq!(Picture::read(&bomb), Err(PictureFault::TooManyPixels));
    let wide = sent(Png, (8_000, 4_000));
    assert!(wide.len() < 1 << 20, "{} bytes", wide.len());
    assert_eq!(Picture::read(&wide), Err(PictureFault::TooManyPixels));
}

/// The checksum of a chunk of PNG.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, byte)
}

#[test]
fn a_text_names_its_pictures_and_they_are_erased_with_the_last_text_that_has_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = TextStore::open(directory.path()).unwrap();
    let kept = Picture::read(&sent(image::ImageFormat::Png, (400, 300))).unwrap();
    let text = |title: &str, pictures: Vec<Sha256Digest>| OfferText {
        title: title.to_owned(),
        captions: vec!["front".to_owned()],
        pictures,
        language: Some("en".to_owned()),
        ..OfferText::default()
    };
    let unsent = store.put(&text("tea", vec![kept.digest()]));
    assert!(matches!(unsent, Err(StoreError::NoPicture(_))), "{unsent:?}");
    let picture = store.put_picture(&kept).unwrap();
    assert_eq!(store.put_picture(&kept).unwrap(), picture);
    let (one, other) = (text("tea", vec![picture]), text("pot", vec![picture]));
    let contents = [&one, &other, &text("tea", Vec::new())].map(OfferText::content);
    assert_eq!(contents.iter().collect::<std::collections::HashSet<_>>().len(), 3);
    store.put(&one).unwrap();
    store.put(&other).unwrap();
    assert_eq!(store.get(one.content()).unwrap().as_ref(), Some(&one));
    assert_eq!(store.picture(picture, PictureSize::Small).unwrap(), Some(kept.small.clone()));
    assert!(store.erase(one.content()).unwrap());
    assert!(store.picture(picture, PictureSize::Large).unwrap().is_some());
    assert!(store.erase(other.content()).unwrap());
    assert!(store.picture(picture, PictureSize::Large).unwrap().is_none());
    assert!(!has(&std::fs::read(directory.path().join(PUBLIC_TEXTS_FILE)).unwrap(), &kept.small));
    let wrong = OfferText { language: Some("e n".to_owned()), ..one.clone() };
    assert_eq!(wrong.check(), Err(OfferTextFault::Language));
    let many = OfferText { pictures: vec![picture; 13], ..one };
    assert_eq!(many.check(), Err(OfferTextFault::TooManyPictures));
}
