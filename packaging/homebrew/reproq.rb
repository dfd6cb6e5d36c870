# typed: strict
# frozen_string_literal: true

# Made from the release of @VERSION@ by `cargo xtask package`.
class Reproq < Formula
  desc "Installs and runs the Reproq worker, operates its queue and prunes releases"
  homepage "https://github.com/adpena/reproq"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@URL@/reproq-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256:aarch64-apple-darwin@"
    end
    on_intel do
      url "@URL@/reproq-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256:x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "@URL@/reproq-@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256:aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "@URL@/reproq-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256:x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "reproq"
    man1.install Dir["share/man/man1/*.1"]
    bash_completion.install "share/bash-completion/completions/reproq"
    zsh_completion.install "share/zsh/site-functions/_reproq"
    fish_completion.install "share/fish/vendor_completions.d/reproq.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/reproq --version")
  end
end
