//! The channels and authors of Social media.

use super::fixed_rows::FixedRow;
use super::workspace::unknown_id;
use crate::sandbox::cell::Cell;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// An account on a social network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    pub(crate) id: &'static str,
    pub(crate) kind: &'static str,
}

/// A person who writes posts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
}

const FACEBOOK: Channel = Channel {
    id: "ch-1",
    kind: "facebook",
};
const CHANNELS: [Channel; 5] = [
    FACEBOOK,
    Channel {
        id: "ch-2",
        kind: "instagram",
    },
    Channel {
        id: "ch-3",
        kind: "linkedin",
    },
    Channel {
        id: "ch-4",
        kind: "twitter",
    },
    Channel {
        id: "ch-5",
        kind: "youtube",
    },
];

const FIRST_AUTHOR: Author = Author {
    id: "au-1",
    name: "Zoë Ångström",
};
const AUTHORS: [Author; 3] = [
    FIRST_AUTHOR,
    Author {
        id: "au-2",
        name: "Lee",
    },
    Author {
        id: "au-3",
        name: "José",
    },
];

/// The channel of an id.
pub(crate) fn channel(id: &str) -> Result<Channel, Refusal> {
    match CHANNELS.iter().find(|channel| channel.id == id) {
        Some(channel) => Ok(*channel),
        None => Err(unknown_id("channel", id)),
    }
}

/// One of the channels, by chance.
pub(crate) fn some_channel(seeded: Seeded) -> Channel {
    let position = usize::try_from(seeded.below(5)).unwrap_or(0);
    *CHANNELS.get(position).unwrap_or(&FACEBOOK)
}

/// One of the authors, by chance.
pub(crate) fn some_author(seeded: Seeded) -> Author {
    let position = usize::try_from(seeded.below(3)).unwrap_or(0);
    *AUTHORS.get(position).unwrap_or(&FIRST_AUTHOR)
}

pub(crate) fn author_rows() -> Vec<FixedRow> {
    let mut rows = Vec::new();
    for author in AUTHORS {
        rows.push(vec![
            ("author_id", Cell::text(author.id)),
            ("author_name", Cell::text(author.name)),
        ]);
    }
    rows
}

pub(crate) fn channel_rows(seeded: Seeded) -> Vec<FixedRow> {
    CHANNELS
        .iter()
        .map(|channel| channel_row(seeded.named(channel.id), channel))
        .collect()
}

fn channel_row(seeded: Seeded, channel: &Channel) -> FixedRow {
    let external_id = seeded.named("external").magnitude(50);
    vec![
        ("channel_id", Cell::text(channel.id)),
        ("channel_kind", Cell::text(channel.kind)),
        ("channel_status", Cell::text("active")),
        ("channel_display_name", Cell::text(web::words(seeded, 2))),
        (
            "channel_username",
            Cell::text(format!("acme_{}", channel.kind)),
        ),
        ("external_channel_id", Cell::text(external_id.to_string())),
        ("token_validity", Cell::text("valid")),
    ]
}
