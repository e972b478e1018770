//! Backlinks: pages on hosts with a long tail that link to pages of the target.
//!
//! A root domain links in a limited number of ways (anchor and page linked to); rows of one way are similar links.

use super::family::Row;
use super::source::Source;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// Ways that one root domain links in, at most; keeps similar-link groups per root well under 100.
const WAYS: u32 = 40;
/// The same with the quirk `wide_groups`.
const MANY_WAYS: u32 = 400;
/// Pages of the target that are linked to.
const LINKED_PAGES: u32 = 40;

/// One link.
struct Link<'a> {
    source: &'a Source,
    number: u32,
    row: Row,
    seeded: Seeded,
    /// The number of the linking root domain.
    root: u32,
    root_seeded: Seeded,
    /// The source of what similar links share.
    way: Seeded,
}

impl Source {
    /// A column of a link.
    pub(crate) fn link_cell(&self, number: u32, row: Row, seeded: Seeded, field: &Field) -> Cell {
        let root = seeded.named("root").skewed((self.rows / 6).max(1));
        let root_seeded = self.seeded.named("root").item(root);
        let ways = if self.wide_groups {
            MANY_WAYS
        } else {
            1 + root_seeded.named("ways").below(WAYS)
        };
        let link = Link {
            source: self,
            number,
            row,
            seeded,
            root,
            root_seeded,
            way: root_seeded.item(seeded.named("way").below(ways)),
        };
        let name = field.name.as_str();
        if let Some(cell) = link.side_cell(name) {
            return cell;
        }
        if let Some(cell) = link.kind_cell(name) {
            return cell;
        }
        link.other_cell(field)
    }
}

impl Link<'_> {
    fn root_name(&self) -> String {
        web::root_name(self.source.seeded, self.root)
    }

    fn subdomain(&self) -> &'static str {
        let number = self.seeded.named("subdomain").below(3);
        web::subdomain(self.root_seeded.item(number))
    }

    fn source_host(&self) -> String {
        format!("{}{}", self.subdomain(), self.root_name())
    }

    fn source_page(&self) -> String {
        let path = if self.number.is_multiple_of(97) {
            "/".to_owned()
        } else {
            web::path(self.seeded.named("path"), self.number)
        };
        format!("{}{path}", self.source_host())
    }

    /// The number of the page of the target that is linked to; 0 is the home page.
    fn target_page_number(&self) -> u32 {
        self.way.named("page").skewed(LINKED_PAGES)
    }

    fn target_page(&self) -> String {
        let host = &self.source.host;
        match self.target_page_number() {
            0 => format!("{host}/"),
            page => {
                let seeded = self.source.seeded.named("page").item(page);
                format!("{host}{}", web::path(seeded, page))
            }
        }
    }

    fn is_dofollow(&self) -> bool {
        !self.way.named("nofollow").once_in(4)
    }

    fn kind(&self) -> &'static str {
        match self.way.named("type").below(12) {
            0 => "image",
            1 => "redirect",
            2 => "canonical",
            3 => "frame",
            _ => "text",
        }
    }

    /// Where the link is, and where it leads.
    fn side_cell(&self, name: &str) -> Option<Cell> {
        Some(match name {
            "root_name_source" => Cell::text(self.root_name()),
            "name_source" => Cell::text(self.source_host()),
            "url_from_plain" => Cell::text(self.source_page()),
            "url_from" => Cell::text(format!("https://{}", self.source_page())),
            "is_root_source" => Cell::Bool(self.subdomain().is_empty()),
            "root_name_target" | "name_target" => Cell::text(self.source.host.as_str()),
            "is_root_target" => Cell::Bool(true),
            "url_to_plain" => Cell::text(self.target_page()),
            "url_to" => Cell::text(format!("https://{}", self.target_page())),
            "is_homepage_link" => Cell::Bool(self.target_page_number() == 0),
            "tld_class_source" => Cell::text(tld_class(&self.root_name())),
            "tld_class_target" => Cell::text(tld_class(&self.source.host)),
            "port_source" | "port_target" => Cell::Int(443),
            _ => return None,
        })
    }

    /// What kind of link it is.
    fn kind_cell(&self, name: &str) -> Option<Cell> {
        Some(match name {
            "anchor" => Cell::text(web::anchor(self.way.named("anchor"), &self.source.host)),
            "is_dofollow" => Cell::Bool(self.is_dofollow()),
            "is_nofollow" => Cell::Bool(!self.is_dofollow()),
            "is_sponsored" | "is_ugc" => {
                Cell::Bool(!self.is_dofollow() && self.way.named(name).once_in(3))
            }
            "link_type" => Cell::text(self.kind()),
            "is_text" | "is_image" | "is_redirect" | "is_canonical" | "is_frame" | "is_form"
            | "is_rss" | "is_alternate" => {
                Cell::Bool(name.strip_prefix("is_") == Some(self.kind()))
            }
            "link_group_count" => Cell::Int(1),
            _ => return None,
        })
    }

    fn other_cell(&self, field: &Field) -> Cell {
        let name = field.name.as_str();
        let source = self.source;
        match name {
            "http_code" if self.seeded.named("http").once_in(20) => Cell::Int(301),
            "http_code" => Cell::Int(200),
            "http_code_target" if self.seeded.named(name).once_in(30) => Cell::Null,
            "http_code_target" if self.seeded.named("http_target").once_in(6) => Cell::Int(410),
            "http_code_target" => Cell::Int(404),
            "first_seen" => {
                let earlier = self.seeded.named(name).below(86_400);
                Cell::Time(source.first_seen(self.number, self.seeded) - i64::from(earlier))
            }
            "domain_rating_source"
            | "refdomains_source_domain"
            | "traffic_domain"
            | "linked_domains_source_domain"
            | "positions_source_domain"
            | "class_c"
            | "ip_source" => source.column_cell(self.root, self.row, self.root_seeded, field),
            "domain_rating_target"
            | "refdomains_target_domain"
            | "ahrefs_rank_target"
            | "linked_domains_target_domain" => {
                source.column_cell(0, self.row, source.seeded.named("target"), field)
            }
            _ => source.column_cell(self.number, self.row, self.seeded, field),
        }
    }
}

fn tld_class(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("gov") => "gov",
        Some("edu") => "edu",
        _ => "normal",
    }
}
