//! Pictures of offers: what is sent is decoded within limits and written anew, so that nothing but
//! the pixels is kept. The digest is of what is kept.

use std::io::Cursor;

use books::Sha256Digest;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use sha2::{Digest as _, Sha256};

/// Of a picture as it is sent.
pub const PICTURE_BYTES_MAX: usize = 8 << 20;
/// Width and height of a picture as it is sent.
pub const PICTURE_SIDE_PIXELS_MAX: u32 = 10_000;
/// Width times height of a picture as it is sent.
pub const PICTURE_PIXELS_MAX: u64 = 24_000_000;
/// What a decoder may allocate.
const DECODER_BYTES_MAX: u64 = 256 << 20;
const QUALITY: u8 = 82;

/// A form in which a picture is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureSize {
    /// For the page of an offer.
    Large,
    /// For lists.
    Small,
}

impl PictureSize {
    pub const ALL: [PictureSize; 2] = [PictureSize::Large, PictureSize::Small];

    /// The longer side at most, in pixels.
    #[must_use]
    pub fn side_max(self) -> u32 {
        match self {
            PictureSize::Large => 1_200,
            PictureSize::Small => 320,
        }
    }
}

/// Why what was sent is no picture that can be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureFault {
    #[error("the picture has more than {} MiB: send a smaller one", PICTURE_BYTES_MAX >> 20)]
    TooManyBytes,
    #[error("it is no picture in JPEG, PNG or WebP: send one of these")]
    OtherFormat,
    #[error(
        "the picture is larger than {PICTURE_SIDE_PIXELS_MAX} pixels on a side, or than \
         {PICTURE_PIXELS_MAX} in all: make it smaller"
    )]
    TooManyPixels,
    #[error("the picture cannot be read to its end: save it anew, and send that file")]
    Damaged,
}

/// A picture as it is kept: JPEG in two sizes, without metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub large: Vec<u8>,
    pub small: Vec<u8>,
}

impl Picture {
    /// Decodes what was sent, whatever its name or type says it is.
    ///
    /// # Errors
    /// It is no picture of ours, too large, or not whole.
    pub fn read(bytes: &[u8]) -> Result<Picture, PictureFault> {
        if bytes.len() > PICTURE_BYTES_MAX {
            return Err(PictureFault::TooManyBytes);
        }
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
        let mut reader = reader.map_err(|_| PictureFault::OtherFormat)?;
        match reader.format() {
            Some(ImageFormat::Jpeg) if !has_jpeg_end(bytes) => return Err(PictureFault::Damaged),
            Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) => {}
            _ => return Err(PictureFault::OtherFormat),
        }
        let mut limits = Limits::default();
        limits.max_image_width = Some(PICTURE_SIDE_PIXELS_MAX);
        limits.max_image_height = Some(PICTURE_SIDE_PIXELS_MAX);
        limits.max_alloc = Some(DECODER_BYTES_MAX);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(fault)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > PICTURE_PIXELS_MAX {
            return Err(PictureFault::TooManyPixels);
        }
        let turned = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let whole = DynamicImage::from_decoder(decoder).map_err(fault)?;
        let [large, small] = PictureSize::ALL.map(|size| written(&whole, size, turned));
        Ok(Picture { large: large?, small: small? })
    }

    /// A picture that a program draws, pixel by pixel.
    ///
    /// # Panics
    /// Panics without pixels.
    #[must_use]
    pub fn drawn((width, height): (u32, u32), color: impl Fn(u32, u32) -> [u8; 3]) -> Picture {
        let drawn = RgbImage::from_fn(width, height, |x, y| image::Rgb(color(x, y)));
        let (whole, turned) = (DynamicImage::from(drawn), Orientation::NoTransforms);
        let written = |size| written(&whole, size, turned).expect("a picture with pixels is JPEG");
        let [large, small] = PictureSize::ALL.map(written);
        Picture { large, small }
    }

    /// The name of the picture: SHA-256 of its large form.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest(Sha256::digest(&self.large).into())
    }
}

fn fault(error: ImageError) -> PictureFault {
    match error {
        ImageError::Limits(_) => PictureFault::TooManyPixels,
        ImageError::Unsupported(_) => PictureFault::OtherFormat,
        _ => PictureFault::Damaged,
    }
}

/// The decoder takes a JPEG that is cut off, with grey in the place of what is missing.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|two| two == [0xFF, marker]);
    // End of image, start of scan.
    last(0xD9) > last(0xDA)
}

fn written(
    whole: &DynamicImage,
    size: PictureSize,
    turned: Orientation,
) -> Result<Vec<u8>, PictureFault> {
    let side = size.side_max();
    let mut fitted = match whole.width().max(whole.height()) > side {
        true => whole.thumbnail(side, side),
        false => whole.clone(),
    };
    fitted.apply_orientation(turned);
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    on_white(&fitted).write_with_encoder(encoder).map_err(|_| PictureFault::Damaged)?;
    Ok(bytes)
}

/// JPEG has no transparency.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let seen = picture.to_rgba8();
    RgbImage::from_fn(seen.width(), seen.height(), |x, y| {
        let [red, green, blue, alpha] = seen.get_pixel(x, y).0;
        let mix = |part: u8| {
            let alpha = u32::from(alpha);
            let mixed = (u32::from(part) * alpha + 255 * (255 - alpha) + 127) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        image::Rgb([red, green, blue].map(mix))
    })
}
