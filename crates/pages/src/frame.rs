//! What stands around each page: navigation, search, who looks, and the position of the books.

use crate::PageWords;
use crate::assets;
use crate::nav::{NavGroup, NavLink};

/// The colours that a viewer wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Those of the device.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::Auto, Theme::Light, Theme::Dark];

    /// Of the cookie and the attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Theme {
        Theme::ALL.into_iter().find(|one| one.name() == name).unwrap_or_default()
    }
}

/// Who looks.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The roles, in words.
    pub roles: String,
    /// Against requests from other sites. Empty for a key.
    pub csrf: String,
}

/// A role that a demonstration switches to.
#[derive(Clone, Debug)]
pub struct DemoRole {
    pub name: &'static str,
    pub is_current: bool,
}

/// The position of the books that a page reflects.
#[derive(Clone, Debug, Default)]
pub struct FramePosition {
    pub batch: String,
    /// The page was asked for as of a batch.
    pub is_pinned: bool,
    /// The batch, if the page follows the books.
    pub live: Option<u64>,
    /// That batch is not the last one.
    pub is_past: bool,
    /// The hash of the batch in the journal, if it is the last one.
    pub digest: Option<String>,
    /// When the last command was carried out, and how long ago.
    pub time: String,
    pub age: String,
    pub permanent: String,
    pub latest: Option<String>,
    pub earlier: Option<String>,
    pub later: Option<String>,
    pub json: Option<String>,
    pub csv: Option<String>,
}

/// What stands around a page.
#[derive(Clone, Debug)]
pub struct PageFrame {
    pub words: PageWords,
    pub theme: Theme,
    pub title: String,
    /// This page, to come back to.
    pub path: String,
    pub nav: Vec<NavGroup>,
    /// What is done here: what waits for a second person, and all acts.
    pub shortcuts: Vec<NavLink>,
    pub viewer: Option<Viewer>,
    pub position: Option<FramePosition>,
    pub demo: Vec<DemoRole>,
    /// There is a shop window beside the console.
    pub has_shop: bool,
    /// What is searched for.
    pub search: String,
}

impl PageFrame {
    /// The text of a key.
    #[must_use]
    pub fn t(&self, key: &str) -> &'static str {
        self.words.get(key)
    }

    /// For the forms of a page.
    #[must_use]
    pub fn csrf(&self) -> &str {
        self.viewer.as_ref().map_or("", |viewer| &viewer.csrf)
    }

    /// What a role is called.
    #[must_use]
    pub fn role(&self, name: &str) -> &'static str {
        self.words.entry("role", name).unwrap_or_default()
    }

    #[must_use]
    pub fn theme_text(&self, theme: &Theme) -> &'static str {
        self.words.get(match theme {
            Theme::Auto => "top.theme_auto",
            Theme::Light => "top.theme_light",
            Theme::Dark => "top.theme_dark",
        })
    }

    #[must_use]
    pub fn themes(&self) -> [Theme; 3] {
        Theme::ALL
    }

    #[must_use]
    pub fn is_demo(&self) -> bool {
        !self.demo.is_empty()
    }

    #[must_use]
    pub fn style(&self) -> &'static assets::Asset {
        &assets::STYLE
    }

    #[must_use]
    pub fn shop_style(&self) -> &'static assets::Asset {
        &assets::SHOP_STYLE
    }

    #[must_use]
    pub fn scripts(&self) -> [&'static assets::Asset; 2] {
        [&assets::HTMX, &assets::SCRIPT]
    }

    /// Of the pages of sign-ins only.
    #[must_use]
    pub fn passkey_script(&self) -> &'static assets::Asset {
        &assets::PASSKEYS
    }
}
