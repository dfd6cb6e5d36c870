//! The description of the project on PyPI: README.md with links that lead somewhere from there.

use anyhow::Result;
use anyhow::bail;

/// Where a page shows a file of the repository. The branch, because tags of older releases are deleted.
const PAGES: &str = "https://github.com/adpena/reproq/blob/main";

/// The bytes of a file, with a type that browsers show as an image.
const BYTES: &str = "https://raw.githubusercontent.com/adpena/reproq/main";

/// Replaces the relative target of every link and image. Code stays as it is.
///
/// # Errors
/// If a target leaves the repository, or an image is written as HTML, which is not looked for.
pub(crate) fn absolute(readme: &str) -> Result<String> {
    let mut text = String::with_capacity(readme.len());
    let mut is_code = false;
    for line in readme.split_inclusive('\n') {
        is_code ^= line.trim_start().starts_with("```");
        if is_code {
            text.push_str(line);
            continue;
        }
        if line.contains("<img") || line.contains("<source") {
            bail!("write images as Markdown: `{}`", line.trim());
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("](") {
            let Some((target, following)) = after.split_once(')') else { break };
            let is_image = before.rfind('[').is_some_and(|at| before[..at].ends_with('!'));
            text.push_str(before);
            text.push_str("](");
            text.push_str(&url(target, is_image)?);
            text.push(')');
            rest = following;
        }
        text.push_str(rest);
    }
    Ok(text)
}

fn url(target: &str, is_image: bool) -> Result<String> {
    if target.contains("://") || target.starts_with('#') || target.starts_with("mailto:") {
        return Ok(target.to_owned());
    }
    if target.starts_with(['/', '.']) {
        bail!("the link to `{target}` is not relative to README.md");
    }
    Ok(format!("{}/{target}", if is_image { BYTES } else { PAGES }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_targets_become_absolute_and_code_stays() {
        let readme =
            "![a `b`](docs/images/a.svg)\n[x](docs/x.md#y) and [z](https://z), [here](#here)\n```\n[c](d)\n```\n";
        let expected = "![a `b`](https://raw.githubusercontent.com/adpena/reproq/main/docs/images/a.svg)\n\
                        [x](https://github.com/adpena/reproq/blob/main/docs/x.md#y) and [z](https://z), [here](#here)\n\
                        ```\n[c](d)\n```\n";
        assert_eq!(absolute(readme).expect("valid"), expected);
    }

    #[test]
    fn what_would_lead_nowhere_is_an_error() {
        for text in ["[a](../b)", "[a](/b)", "<img src=\"docs/images/a.svg\">"] {
            assert!(absolute(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_readme_has_no_relative_target_left() {
        let text = absolute(include_str!("../../../README.md")).expect("valid");
        let targets: Vec<&str> = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).collect();
        assert!(targets.iter().any(|target| target.starts_with(BYTES) && target.ends_with(".svg")), "{targets:?}");
        assert!(targets.iter().all(|target| target.contains("://") || target.starts_with('#')), "{targets:?}");
    }
}
