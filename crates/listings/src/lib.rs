//! The public texts and pictures of offers, outside the journal, and how texts are matched with the
//! policy.
//!
//! A [`TextStore`] keeps texts and pictures under their digests, so that they can be erased. A
//! [`Picture`] is decoded and written anew before it is kept. [`screening()`]
//! finds what the rules in force say of a text, and makes the command that carries it.
//! [`PolicyAudit`] matches every text that is still there again. [`preview`] says what another
//! version would do. [`rescreen()`] matches again what the rules of today may see otherwise.
//!
//! Never: a text that is not public; a decision (the engine's); a text in the journal.
//!
//! Start at [`screening()`] and [`TextStore`].

mod audit;
mod picture;
mod preview;
mod rescreen;
mod screen;
mod store;
mod text;

pub use audit::{AuditCounts, PolicyAudit};
pub use picture::{
    PICTURE_BYTES_MAX, PICTURE_PIXELS_MAX, PICTURE_SIDE_PIXELS_MAX, Picture, PictureFault,
    PictureSize,
};
pub use preview::{ChangedText, KindCounts, Preview, preview};
pub use rescreen::{RescreenError, Rescreened, RulesInForce, due_texts, rescreen};
pub use screen::{ScreenError, TextToScreen, check_places, matched_version, matcher_of, screening};
pub use store::{PUBLIC_TEXTS_FILE, PUBLIC_TEXTS_STORE, StoreError, TextStore};
pub use text::{CAPTIONS_MAX, LANGUAGE_BYTES_MAX, OfferText, OfferTextFault, PICTURES_MAX};
