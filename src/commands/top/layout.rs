//! Where things are on a screen of a given size. Pure.

/// The rows of each part, from top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TopLayout {
    /// The names of the lists; 1, unless the screen is tiny.
    pub(super) tabs: u16,
    /// One row for each database, as far as there is room.
    pub(super) databases: u16,
    /// The heading of the list.
    pub(super) heading: u16,
    pub(super) list_rows: u16,
    /// Keys, the filter, or a notice.
    pub(super) footer: u16,
    /// The size of the text in a window.
    pub(super) window: (u16, u16),
}

impl TopLayout {
    pub(super) const fn new((columns, rows): (u16, u16), databases: usize) -> Self {
        let has_frame = rows >= 5;
        // The list is the most important part.
        let most = if has_frame { (rows - 2) / 4 } else { 0 };
        let most = if has_frame && most == 0 { 1 } else { most };
        let databases = if databases < most as usize { databases as u16 } else { most };
        let (tabs, heading, footer) = if has_frame { (1, 1, 1) } else { (0, 0, 0) };
        let list_rows = rows.saturating_sub(tabs + databases + heading + footer);
        // A border, and a column of space on both sides.
        let window = (columns.saturating_sub(if columns >= 60 { 8 } else { 4 }), rows.saturating_sub(4));
        Self { tabs, databases, heading, list_rows, footer, window }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_fill_the_screen() {
        for rows in 0..120 {
            for databases in [1, 3, 40] {
                let layout = TopLayout::new((80, rows), databases);
                let parts = [layout.tabs, layout.databases, layout.heading, layout.list_rows, layout.footer];
                assert_eq!(parts.iter().sum::<u16>(), rows, "{layout:?}");
                if rows >= 10 {
                    assert!(layout.list_rows * 2 >= rows, "{rows}: {layout:?}");
                    assert!(layout.databases >= 1, "{layout:?}");
                }
            }
        }
    }
}
