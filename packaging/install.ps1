# Installs reproq @VERSION@: downloads the program for this platform, compares its SHA-256 digest with the one below, and
# moves it into place. Nothing that was downloaded runs before its digest is verified.
#
#   powershell -ExecutionPolicy ByPass -c "irm https://github.com/adpena/reproq/releases/latest/download/install.ps1 | iex"
#
# REPROQ_INSTALL_DIR   where to install (default: %LOCALAPPDATA%\Programs\reproq)
# REPROQ_VERSION       another version; its digest is then read from that release's SHA256SUMS
# REPROQ_DOWNLOAD_URL  another server with the same files
# REPROQ_ARCH          amd64 or arm64, where detection fails
#
# One function, called on the last line, so that a download that was cut off runs nothing. It throws and never exits:
# under `iex`, `exit` would close the window.

function Install-Reproq {
    $ErrorActionPreference = 'Stop'
    # The progress display of Windows PowerShell makes downloads many times slower.
    $ProgressPreference = 'SilentlyContinue'
    # Windows PowerShell 5 does not offer TLS 1.2 by itself.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

    $released = '@VERSION@'
    $digests = @'
@DIGESTS@
'@

    $version = if ($env:REPROQ_VERSION) { $env:REPROQ_VERSION.TrimStart('v') } else { $released }
    $server = if ($env:REPROQ_DOWNLOAD_URL) { $env:REPROQ_DOWNLOAD_URL.TrimEnd('/') } else { 'https://github.com/adpena/reproq/releases/download' }
    if ($server -notmatch '^(https://|http://127\.0\.0\.1:)') { throw "reproq: $server is not an https URL" }

    # What the machine is, not what this process is: an x64 shell on ARM64 reports AMD64.
    $processor = if ($env:REPROQ_ARCH) { $env:REPROQ_ARCH } else { [Environment]::GetEnvironmentVariable('PROCESSOR_ARCHITECTURE', 'Machine') }
    $arch = switch -Regex ($processor) {
        '^(AMD64|x86_64)$' { 'amd64' }
        '^(ARM64|aarch64)$' { 'arm64' }
        default { throw "reproq: there is no build for '$processor'. Set REPROQ_ARCH to amd64 or arm64 if this is wrong" }
    }
    $asset = "reproq-cli-windows-$arch.exe"

    $directory = if ($env:REPROQ_INSTALL_DIR) { $env:REPROQ_INSTALL_DIR } else { Join-Path $env:LOCALAPPDATA 'Programs\reproq' }
    New-Item -ItemType Directory -Force -Path $directory | Out-Null
    $staging = Join-Path $directory ('.reproq.' + [Guid]::NewGuid().ToString('N'))
    New-Item -ItemType Directory -Path $staging | Out-Null
    try {
        if ($version -ne $released) {
            Write-Host "reproq: reading the digests of version $version from $server/v$version/SHA256SUMS"
            $sums = Join-Path $staging 'SHA256SUMS'
            Invoke-WebRequest -UseBasicParsing -Uri "$server/v$version/SHA256SUMS" -OutFile $sums
            $digests = Get-Content -Raw -Path $sums
        }
        $line = $digests -split "`n" | Where-Object { $_.Trim() -match ('^[0-9a-fA-F]{64} [ *]' + [regex]::Escape($asset) + '$') } | Select-Object -First 1
        if (-not $line) { throw "reproq: version $version has no $asset" }
        $expected = $line.Trim().Substring(0, 64)

        Write-Host "reproq: downloading $server/v$version/$asset"
        $file = Join-Path $staging 'reproq.exe'
        try { Invoke-WebRequest -UseBasicParsing -Uri "$server/v$version/$asset" -OutFile $file }
        catch { throw "reproq: cannot download $server/v$version/${asset}: $_. If version $version was deleted: PyPI keeps every version (pip install reproq==$version), and https://github.com/adpena/reproq/releases/latest has the newest installer" }
        $actual = (Get-FileHash -Algorithm SHA256 -Path $file).Hash
        if ($actual -ne $expected) {
            throw "reproq: the digest of the download does not match; nothing was installed. Expected $expected, received $actual"
        }
        Write-Host "reproq: verified: sha256 $($actual.ToLowerInvariant())"

        $reported = & $file --version
        if ($LASTEXITCODE -ne 0) { throw 'reproq: the program does not start on this system; nothing was installed' }

        $target = Join-Path $directory 'reproq.exe'
        # A program that runs cannot be replaced, but it can be renamed.
        if (Test-Path -LiteralPath $target) {
            $old = Join-Path $directory 'reproq.old.exe'
            Remove-Item -Force -ErrorAction SilentlyContinue -LiteralPath $old
            Move-Item -Force -LiteralPath $target -Destination $old
        }
        Move-Item -LiteralPath $file -Destination $target
        Write-Host "reproq: installed ${target}: $reported"
    }
    finally {
        Remove-Item -Recurse -Force -ErrorAction SilentlyContinue -LiteralPath $staging
    }

    if ($env:GITHUB_PATH) {
        Add-Content -Path $env:GITHUB_PATH -Value $directory
        Write-Host "reproq: added $directory to the PATH of the next steps"
    }
    elseif (($env:PATH -split ';') -notcontains $directory) {
        Write-Host "reproq: $directory is not on PATH. To add it:"
        Write-Host "    [Environment]::SetEnvironmentVariable('PATH', [Environment]::GetEnvironmentVariable('PATH', 'User') + ';$directory', 'User')"
    }
}

Install-Reproq
