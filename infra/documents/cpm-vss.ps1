# Shadow copies around a backup of this instance, in two calls: `begin` makes them and leaves the backup session of VSS
# open, `end` tells the writers that the backup is complete (or leaves them untold) and deletes the shadow copies.
# README.md says how the pieces work together. Plain ASCII: Windows PowerShell reads scripts by the system's code page.
param(
    [string] $Phase = '{{ Phase }}',
    [string] $Backup = '{{ Backup }}',
    [string] $Volumes = '{{ Volumes }}',
    [string] $ExcludeWriters = '{{ ExcludeWriters }}',
    [string] $VerifyWriters = '{{ VerifyWriters }}',
    [string] $Success = '{{ Success }}',
    [string] $TimeoutSeconds = '{{ TimeoutSeconds }}',
    [string] $HoldHours = '{{ HoldHours }}'
)
Set-StrictMode -Version 1
$ErrorActionPreference = 'Stop'

# Exit codes; README.md explains them to operators.
$ExitParameter = 2; $ExitEnvironment = 3; $ExitVolume = 4; $ExitWriter = 5; $ExitSpace = 6
$ExitVss = 7; $ExitTime = 8; $ExitClosed = 9; $ExitKept = 10

$Parent = Join-Path $env:ProgramData 'cpm'
$Root = Join-Path $Parent 'vss'
$Directory = Join-Path $Root $Backup
$TaskPath = '\cpm\vss\'
# The provider of Windows. A provider of AWS or of a storage vendor may be installed too, and VSS would prefer it.
$SystemProvider = '{b5946137-7b9f-4925-af80-51abd60b20d5}'
$Diskshadow = Join-Path $env:SystemRoot 'System32\diskshadow.exe'
$KeepDays = 30
# After `complete`, so long may writers take over it.
$CompleteMinutes = 15

function Stop-Because([int] $Code, [string] $Problem, [string] $Advice) {
    [Console]::Error.WriteLine("cpm-vss: $Problem")
    [Console]::Error.WriteLine("cpm-vss: what to do: $Advice")
    exit $Code
}

# ------------------------------------------------------------------------------------------- what diskshadow is given
# These three functions keep to strings, `if` and `foreach`: infra/tests evaluates them and compares with fixtures.

function Get-SessionCommand([string] $Place, [string[]] $Drives, [bool] $NoWriters, [string[]] $Exclude, [string[]] $Verify) {
    'set verbose on'
    if ($NoWriters) { 'set context persistent nowriters' } else { 'set context persistent' }
    "set metadata $Place\metadata.cab"
    foreach ($writer in $Exclude) { "writer exclude $writer" }
    foreach ($writer in $Verify) { "writer verify $writer" }
    if (-not $NoWriters) { 'begin backup' }
    foreach ($drive in $Drives) { "add volume $drive provider $SystemProvider" }
    'create'
    "exec $Place\hold.cmd"
    if (-not $NoWriters) { 'end backup' }
    "exec $Place\done.cmd"
}

# Runs within the session once the shadow copies exist; diskshadow waits for it. It ends well when the backup is complete
# and then only: in any other case the session kills diskshadow, for a quit that fails would tell the writers. The limit
# serves when the session itself was killed; a code other than 0 makes diskshadow quit without `end backup`.
function Get-HoldCommand([string] $Place, [string] $Turns) {
    '@echo off'
    'if not defined VSS_SHADOW_SET exit 1'
    ">$Place\set.tmp echo %VSS_SHADOW_SET%"
    "move /y $Place\set.tmp $Place\set.txt >nul || exit 1"
    "set turns=$Turns"
    ':wait'
    "if exist $Place\complete.txt exit 0"
    'set /a turns-=1'
    'if %turns% leq 0 exit 1'
    'ping -n 3 127.0.0.1 >nul'
    'goto wait'
}

# Reached only after `end backup`.
function Get-DoneCommand([string] $Place) {
    '@echo off'
    ">$Place\done.txt echo done"
    'exit 0'
}

function Write-Lines([string] $File, [string[]] $Lines) {
    # diskshadow drops the last letter of a last line that does not end.
    [IO.File]::WriteAllText($File, (($Lines -join "`r`n") + "`r`n"), [Text.Encoding]::ASCII)
}

# ------------------------------------------------------------------------------------------------------- parameters

function Split-List([string] $Text) { @($Text -split ',' | Where-Object { $_ -ne '' }) }

function Assert-Parameters {
    $guid = '\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}'
    $rules = @(
        @('Phase', $Phase, '(begin|end|session)', 'begin or end'),
        @('Backup', $Backup, '[A-Za-z0-9]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9])?', 'letters, digits, dot, hyphen and underscore'),
        @('TimeoutSeconds', $TimeoutSeconds, '([6-9][0-9]|[1-9][0-9]{2,4})', 'seconds, 60 to 99999'),
        @('HoldHours', $HoldHours, '[1-9][0-9]?', 'hours, 1 to 99')
    )
    if ($Phase -ceq 'end') { $rules += , @('Success', $Success, '[01]', '1 or 0') }
    if ($Phase -ceq 'begin') {
        $rules += , @('Volumes', $Volumes, '([A-Za-z]:(,[A-Za-z]:)*)?', 'drive letters such as d:,e: or nothing for all')
        $rules += , @('ExcludeWriters', $ExcludeWriters, "(all|$guid(,$guid)*)?", 'writer ids in braces, separated by commas, or all')
        $rules += , @('VerifyWriters', $VerifyWriters, "($guid(,$guid)*)?", 'writer ids in braces, separated by commas')
    }
    foreach ($rule in $rules) {
        if ($rule[1] -cnotmatch ('\A' + $rule[2] + '\z')) {
            Stop-Because $ExitParameter "the parameter $($rule[0]) is '$($rule[1])'." "Give $($rule[3])."
        }
    }
    # Windows keeps these names for devices, whatever follows a dot.
    if ($Backup -match '\A(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\z)') {
        Stop-Because $ExitParameter "the backup's name '$Backup' is a device of Windows." 'Name the backup differently.'
    }
    $both = @(Split-List $VerifyWriters | Where-Object { $ExcludeWriters -ceq 'all' -or (Split-List $ExcludeWriters) -contains $_ })
    if ($Phase -ceq 'begin' -and $both.Count -gt 0) {
        Stop-Because $ExitParameter "the writers $($both -join ', ') are both excluded and verified." 'Take them out of one of the two lists.'
    }
}

function Assert-Environment {
    $identity = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        Stop-Because $ExitEnvironment 'this does not run as an administrator.' 'Run the SSM Agent as Local System, which is its default.'
    }
    if (-not (Test-Path $Diskshadow)) {
        Stop-Because $ExitEnvironment 'diskshadow.exe is missing.' 'It comes with Windows Server only (2012 R2 or later here). Switch VSS off for this instance.'
    }
    if (-not (Get-Command Register-ScheduledTask -ErrorAction SilentlyContinue)) {
        Stop-Because $ExitEnvironment 'the ScheduledTasks module of PowerShell is missing.' 'Use Windows Server 2012 R2 or later, or switch VSS off for this instance.'
    }
    if ($Directory -match '\s') {
        Stop-Because $ExitEnvironment "the path $Directory holds a blank, which diskshadow does not take." 'Point %ProgramData% to a path without blanks.'
    }
}

# Everybody may make files below %ProgramData%. A file there ends a session, and SYSTEM runs a script from there: so the
# directories are closed to all but SYSTEM and Administrators, and one that somebody else made is not used.
function New-PrivateDirectory([string] $Path) {
    if (-not (Test-Path $Path)) { [void] (New-Item -ItemType Directory -Path $Path) }
    $owner = (Get-Acl $Path).GetOwner([Security.Principal.SecurityIdentifier]).Value
    $link = (Get-Item $Path -Force).Attributes -band [IO.FileAttributes]::ReparsePoint
    if ($link -or @('S-1-5-18', 'S-1-5-32-544') -notcontains $owner) {
        Stop-Because $ExitEnvironment "$Path is a link or belongs to $owner." 'Find out who made it, and delete it.'
    }
    & "$env:SystemRoot\System32\icacls.exe" $Path /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' /q | Out-Null
    if ($LASTEXITCODE -ne 0) {
        Stop-Because $ExitEnvironment "the permissions of $Path cannot be set." 'Look for a policy or a program that protects the directory.'
    }
}

# Fixed volumes with NTFS or ReFS that are mounted somewhere: as a letter, or by their id when mounted in a folder.
function Get-Drive {
    $fixed = @(Get-WmiObject Win32_Volume -Filter 'DriveType=3' | Where-Object { 'NTFS', 'ReFS' -contains $_.FileSystem })
    if ($Volumes -eq '') {
        $mounted = @($fixed | Where-Object { -not $_.Name.StartsWith('\\?\') })
        if ($mounted.Count -eq 0) { Stop-Because $ExitVolume 'no fixed NTFS or ReFS volume is mounted.' 'Switch VSS off for this instance.' }
        return @($mounted | ForEach-Object { if ($_.DriveLetter) { $_.DriveLetter } else { $_.DeviceID } } | Sort-Object -Unique)
    }
    $wanted = @(Split-List $Volumes.ToUpperInvariant() | Sort-Object -Unique)
    $missing = @($wanted | Where-Object { @($fixed | ForEach-Object { $_.DriveLetter }) -notcontains $_ })
    if ($missing.Count -gt 0) {
        Stop-Because $ExitVolume "no fixed NTFS or ReFS volume is mounted as $($missing -join ', ')." 'Correct the volumes for shadow copies of this instance in the policy.'
    }
    $wanted
}

# ---------------------------------------------------------------------------------------------------------- the state

# Seconds that VSS may take. SSM kills this script after TimeoutSeconds; before that there must be time to clean up and tell.
function Get-Patience { [Math]::Max([int] $TimeoutSeconds - 60, [int] $TimeoutSeconds / 2) }

function Get-File([string] $Name, [string] $In = $Directory) {
    $file = Join-Path $In $Name
    # What another process keeps to itself reads as nothing.
    ([string] (Get-Content $file -Raw -ErrorAction SilentlyContinue)).Trim()
}

# Appears whole or not at all.
function Set-File([string] $Name, [string] $Text, [string] $In = $Directory) {
    $file = Join-Path $In $Name
    Write-Lines "$file.tmp" @($Text)
    Move-Item "$file.tmp" $file -Force
}

# The log file of diskshadow, or what it wrote to the console when that is more.
function Get-Log([string] $In = $Directory) {
    $texts = @((Get-File 'diskshadow.log' $In), (Get-File 'console.log' $In) | Sort-Object Length)
    $texts[-1]
}

function Get-SetId([string] $In) {
    $id = Get-File 'set.txt' $In
    if (-not $id -and (Get-Log $In) -match 'VSS_SHADOW_SET\D*(\{[0-9A-Fa-f-]{36}\})') { $id = $Matches[1] }
    $id
}

function Get-ShadowCopy([string] $Set) { @(Get-WmiObject Win32_ShadowCopy | Where-Object { $Set -and $_.SetID -eq $Set }) }

function Test-Alive([string] $Name) {
    $task = Get-ScheduledTask -TaskPath $TaskPath -TaskName $Name -ErrorAction SilentlyContinue
    $null -ne $task -and 'Running', 'Queued' -contains [string] $task.State
}

# True when none is left.
function Remove-ShadowSet([string] $In) {
    $set = Get-SetId $In
    if (@(Get-ShadowCopy $set).Count -gt 0) {
        Write-Lines "$In\discard.dsh" @("delete shadows set $set")
        & $Diskshadow /s "$In\discard.dsh" /l "$In\discard.log" | Out-Null
    }
    @(Get-ShadowCopy $set).Count -eq 0
}

# What a reboot or a killed session left, and logs of old.
function Clear-Stale {
    foreach ($other in @(Get-ChildItem $Root -Directory)) {
        if (Test-Alive $other.Name) { continue }
        if (-not (Get-File 'outcome.txt' $other.FullName)) {
            if (-not (Remove-ShadowSet $other.FullName)) {
                Write-Output "cpm-vss: the shadow copies of $($other.Name), whose session died, cannot be deleted."
                continue
            }
            Set-File 'outcome.txt' 'lost' $other.FullName
        }
        Unregister-ScheduledTask -TaskPath $TaskPath -TaskName $other.Name -Confirm:$false -ErrorAction SilentlyContinue
        if ($other.Name -ne $Backup -and $other.LastWriteTimeUtc -lt [DateTime]::UtcNow.AddDays(-$KeepDays)) {
            Remove-Item $other.FullName -Recurse -Force
        }
    }
}

# --------------------------------------------------------------------------------------------------------- what is said

# SSM answers 24,000 letters. The ids stand in lines of our own, the beginning and the end of the log follow.
function Write-Log {
    $log = Get-Log
    if ($log.Length -gt 16000) {
        $left = $log.Length - 16000
        $log = $log.Substring(0, 4000) + "`r`n... $left letters left out; all of it is in $Directory ...`r`n" + $log.Substring($log.Length - 12000)
    }
    Write-Output '----- diskshadow log -----'
    Write-Output $log
}

function Write-ShadowCopy([string] $Set) {
    $names = @{}
    foreach ($volume in @(Get-WmiObject Win32_Volume)) { $names[$volume.DeviceID] = $volume.Name }
    foreach ($shadow in @(Get-ShadowCopy $Set)) {
        Write-Output "cpm-vss: shadow $($shadow.ID) of $($names[$shadow.VolumeName]) in set $Set"
    }
}

# Writers in one of the failed states, which have the numbers from 6 on in every language of Windows.
function Get-FailedWriter {
    $text = (& "$env:SystemRoot\System32\vssadmin.exe" list writers | Out-String)
    $pattern = "'([^'\r\n]+)'\s+[^{]*(\{[0-9A-Fa-f-]{36}\})[^\[]*\[(\d+)\][ ]*([^\r\n]*)\s+([^\r\n]*)"
    foreach ($match in [regex]::Matches($text, $pattern)) {
        if ([int] $match.Groups[3].Value -ge 6) {
            "$($match.Groups[1].Value) $($match.Groups[2].Value): $($match.Groups[4].Value.Trim()), $($match.Groups[5].Value.Trim())"
        }
    }
}

# Why no shadow copies were made, by the HRESULTs that diskshadow reports (vsserror.h), and by its words.
function Stop-ForFailure {
    # Without the commands, which diskshadow repeats after an arrow.
    $said = (Get-Log) -replace '(?m)^(DISKSHADOW|-)> .*$', ''
    $writers = @(Get-FailedWriter)
    if ($said -match '8004231f|INSUFFICIENT_STORAGE') {
        Stop-Because $ExitSpace 'there is not enough space for the shadow copies.' 'Free some hundred MB on each volume, or raise the limit of shadow storage (vssadmin resize shadowstorage).'
    }
    if ($said -match '80042317|MAXIMUM_NUMBER_OF_SNAPSHOTS') {
        Stop-Because $ExitSpace 'a volume has as many shadow copies as Windows allows.' 'Delete old ones (vssadmin list shadows).'
    }
    if ($said -match '8004230c|VOLUME_NOT_SUPPORTED') {
        Stop-Because $ExitVolume 'a volume cannot be shadowed.' 'Name the volumes for shadow copies of this instance in the policy, without that one.'
    }
    if ($said -match '80042316|SNAPSHOT_SET_IN_PROGRESS') {
        Stop-Because $ExitVss 'another program is making shadow copies right now.' 'The retry of the backup should succeed; otherwise move the schedules apart.'
    }
    if ($said -match '8004231[34]|(FLUSH|HOLD)_WRITES_TIMEOUT') {
        Stop-Because $ExitVss 'the volumes were too busy to be held still.' 'The retry of the backup should succeed; otherwise back up at a quieter time.'
    }
    if ($writers.Count -gt 0) {
        Stop-Because $ExitWriter "these writers failed: $($writers -join '; ')." 'Restart the service of the writer and look at the Application event log; or exclude the writer if the backup can do without.'
    }
    if ($said -match '800423f[0-4]|WRITERERROR|80042318|WRITER_INFRASTRUCTURE') {
        Stop-Because $ExitWriter 'a writer failed; the log names it.' 'Look at the Application event log; exclude the writer if the backup can do without.'
    }
    if ($VerifyWriters -and $said -match 'verif|not included') {
        Stop-Because $ExitWriter "a writer of $VerifyWriters is not in the shadow copies." 'Start the service of that writer, or take it off the list.'
    }
    Stop-Because $ExitVss 'VSS refused to make the shadow copies.' 'The log says why. Try the same commands in diskshadow on the instance.'
}

# ------------------------------------------------------------------------------------------------------------- phases

function Start-Session([string[]] $Drives) {
    [void] (New-Item -ItemType Directory -Path $Directory)
    $exclude = @(if ($ExcludeWriters -cne 'all') { Split-List $ExcludeWriters })
    $commands = Get-SessionCommand $Directory $Drives ($ExcludeWriters -ceq 'all') $exclude @(Split-List $VerifyWriters)
    Write-Lines "$Directory\session.dsh" $commands
    # A turn is two seconds; an hour more than the session holds.
    Write-Lines "$Directory\hold.cmd" (Get-HoldCommand $Directory ([string] (([int] $HoldHours + 1) * 1800)))
    Write-Lines "$Directory\done.cmd" (Get-DoneCommand $Directory)
    Set-File 'drives.txt' ($Drives -join ' ')
    Copy-Item $PSCommandPath "$Directory\cpm-vss.ps1"
    # A task outlives the command of SSM, and Windows ends it with all its processes when its time is over.
    $arguments = "-NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$Directory\cpm-vss.ps1`" -Phase session -Backup $Backup -TimeoutSeconds $TimeoutSeconds -HoldHours $HoldHours"
    $action = New-ScheduledTaskAction -Execute "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe" -Argument $arguments
    $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -ExecutionTimeLimit (New-TimeSpan -Hours ([int] $HoldHours + 1))
    $principal = New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -LogonType ServiceAccount -RunLevel Highest
    [void] (Register-ScheduledTask -TaskPath $TaskPath -TaskName $Backup -Action $action -Settings $settings -Principal $principal -Force)
    Start-ScheduledTask -TaskPath $TaskPath -TaskName $Backup
    # Until it runs it looks as dead as one that a reboot ended.
    for ($i = 0; $i -lt 30 -and -not (Test-Alive $Backup) -and -not (Get-File 'outcome.txt'); $i++) { Start-Sleep -Seconds 1 }
}

# Finds the session of this backup or starts one. One caller at a time: SSM may deliver a command twice.
function Enter-Session {
    $lock = New-Object Threading.Mutex ($false, 'Global\cpm-vss')
    try { [void] $lock.WaitOne() } catch [Threading.AbandonedMutexException] { Write-Output 'cpm-vss: the last caller died.' }
    try {
        Clear-Stale
        $outcome = Get-File 'outcome.txt'
        if ('completed', 'abandoned', 'expired' -contains $outcome) {
            Stop-Because $ExitClosed "the session of $Backup is over ($outcome)." 'Start a new backup.'
        }
        if ($outcome) { Remove-Item $Directory -Recurse -Force }
        if (Test-Path $Directory) { Write-Output "cpm-vss: the session of $Backup is there already." } else { Start-Session @(Get-Drive) }
    } finally { $lock.ReleaseMutex() }
}

function Invoke-Begin {
    Assert-Environment
    New-PrivateDirectory $Parent
    New-PrivateDirectory $Root
    Enter-Session
    $deadline = [DateTime]::UtcNow.AddSeconds([int] $TimeoutSeconds - 20)
    while (-not (Get-File 'set.txt') -and -not (Get-File 'outcome.txt')) {
        if ([DateTime]::UtcNow -gt $deadline) {
            Set-File 'abandon.txt' 'abandon'
            Stop-Because $ExitTime 'the session did not answer.' "Look at the task $TaskPath$Backup and at $Directory on the instance."
        }
        Start-Sleep -Seconds 1
    }
    $outcome = Get-File 'outcome.txt'
    if ($outcome -eq 'slow') { Write-Log; Stop-Because $ExitTime "VSS took longer than $(Get-Patience) seconds." 'The retry of the backup should succeed; otherwise look for a writer that hangs (vssadmin list writers).' }
    if ($outcome) { Write-Log; Stop-ForFailure }
    $set = Get-File 'set.txt'
    $made = @(Get-ShadowCopy $set).Count
    $wanted = @((Get-File 'drives.txt') -split ' ').Count
    if ($made -ne $wanted) {
        Set-File 'abandon.txt' 'abandon'
        Write-Log
        Stop-Because $ExitVss "$made of $wanted shadow copies were made." 'The log says why. The retry of the backup should succeed.'
    }
    Write-Output "cpm-vss: the shadow copies of $Backup are made; the session stays open for up to $HoldHours hours."
    Write-ShadowCopy $set
    Write-Log
}

function Stop-Diskshadow($Process) {
    $children = @(Get-WmiObject Win32_Process -Filter "ParentProcessId=$($Process.Id)")
    # diskshadow first: it must not go on to `end backup` when what it waits for ends.
    if (-not $Process.HasExited) { $Process.Kill() }
    [void] $Process.WaitForExit(30000)
    foreach ($child in $children) { Stop-Process -Id $child.ProcessId -Force -ErrorAction SilentlyContinue }
}

# Why diskshadow must be ended now; nothing while it may go on.
function Get-Ending([DateTime] $Began) {
    $age = [DateTime]::UtcNow - $Began
    $told = Join-Path $Directory 'complete.txt'
    if (Test-Path $told) {
        if (([DateTime]::UtcNow - (Get-Item $told).LastWriteTimeUtc).TotalMinutes -gt $CompleteMinutes) { return 'lost' }
    }
    elseif (Get-File 'abandon.txt') { return 'abandoned' }
    elseif (-not (Get-File 'set.txt') -and $age.TotalSeconds -gt (Get-Patience)) { return 'slow' }
    elseif ($age.TotalHours -gt [int] $HoldHours) { return 'expired' }
    ''
}

# The task: keeps diskshadow company until somebody decides, cleans up, and writes the outcome last.
function Invoke-Session {
    $began = [DateTime]::UtcNow
    $process = Start-Process $Diskshadow -ArgumentList '/s', "$Directory\session.dsh", '/l', "$Directory\diskshadow.log" -WorkingDirectory $Directory -RedirectStandardOutput "$Directory\console.log" -RedirectStandardError "$Directory\console.err" -PassThru
    $outcome = ''
    while (-not $process.HasExited -and -not $outcome) {
        Start-Sleep -Seconds 1
        $outcome = Get-Ending $began
    }
    if ($outcome) { Stop-Diskshadow $process }
    elseif ((Get-File 'done.txt') -and (Get-Log) -notmatch 'writers not notified') { $outcome = 'completed' }
    elseif (Get-File 'abandon.txt') { $outcome = 'abandoned' }
    elseif (Get-File 'set.txt') { $outcome = 'lost' }
    else { $outcome = 'failed' }
    if (-not (Remove-ShadowSet $Directory)) { Set-File 'kept.txt' 'kept' }
    Set-File 'outcome.txt' $outcome
}

# Leaves the decision for the session, once, and waits for the outcome.
function Wait-Outcome {
    if (-not (Get-File 'complete.txt') -and -not (Get-File 'abandon.txt')) {
        if ($Success -eq '1') { Set-File 'complete.txt' 'complete' } else { Set-File 'abandon.txt' 'abandon' }
    }
    $deadline = [DateTime]::UtcNow.AddSeconds([int] $TimeoutSeconds - 20)
    while (-not (Get-File 'outcome.txt')) {
        if (-not (Test-Alive $Backup)) {
            Start-Sleep -Seconds 2
            if (Get-File 'outcome.txt') { return }
            if (-not (Remove-ShadowSet $Directory)) { Set-File 'kept.txt' 'kept' }
            Set-File 'outcome.txt' 'lost'
            return
        }
        if ([DateTime]::UtcNow -gt $deadline) {
            Stop-Because $ExitTime "the session of $Backup did not end in time." 'It goes on by itself. Call again to learn how it ended.'
        }
        Start-Sleep -Seconds 1
    }
}

function Invoke-End {
    if (-not (Test-Path $Directory)) {
        if ($Success -eq '0') { Write-Output "cpm-vss: there is no session of $Backup, and nothing to end."; return }
        Stop-Because $ExitClosed "there is no session of $Backup." 'Nothing was told to the writers. Look at the log of the first call.'
    }
    Assert-Environment
    Wait-Outcome
    $outcome = Get-File 'outcome.txt'
    Write-Output "cpm-vss: the session of $Backup ended: $outcome."
    Write-Log
    if ((Get-File 'kept.txt') -and -not (Remove-ShadowSet $Directory)) {
        Stop-Because $ExitKept "the session ended as $outcome, but its shadow copies cannot be deleted." "Delete them on the instance: diskshadow, then delete shadows set $(Get-SetId $Directory)."
    }
    if ($Success -eq '1' -and $outcome -ne 'completed') {
        Stop-Because $ExitClosed "the session ended as $outcome before the backup was complete." 'The snapshots are good, but writers were not told: logs are not truncated until the next backup.'
    }
    Unregister-ScheduledTask -TaskPath $TaskPath -TaskName $Backup -Confirm:$false -ErrorAction SilentlyContinue
}

Assert-Parameters
try {
    if ($Phase -ceq 'begin') { Invoke-Begin } elseif ($Phase -ceq 'end') { Invoke-End } else { Invoke-Session }
} catch {
    if ($Phase -ceq 'session') { Set-File 'outcome.txt' 'failed' }
    [Console]::Error.WriteLine("cpm-vss: unexpected, at line $($_.InvocationInfo.ScriptLineNumber): $_")
    exit 1
}
exit 0
