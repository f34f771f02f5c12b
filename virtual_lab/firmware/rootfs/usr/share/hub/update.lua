-- Updates: has swupdate check an uploaded image, and if it is good write it beside the answer; keeps what came of it.
local state = require "state"
local time = require "posix.time"
local json = require "json"
local update = { MOST_OCTETS = 8388608 }
local IMAGE, CHECKED, OUTCOME = "/run/hub/upload/image", "/run/hub/upload/checked", "outcome.json"
local READY = "/run/hub/update/ready"
local CHUNK = 65536
local REFUSALS = {
    { "owngrad", "not newer" }, { "einstall", "not newer" },
    { "hardware", "wrong model" }, { "HASH mismatch", "payload digest wrong" }, { "hecksum", "payload digest wrong" },
    { "ignature", "signature wrong" }, { "igner", "signature wrong" }, { "ertificate", "signature wrong" },
}

local function exists(path)
    local file = io.open(path, "rb")
    if file then file:close() end
    return file ~= nil
end

function update.outcome()
    if exists(CHECKED) then return { state = "installing", reason = "", version = "" } end
    local kept = json.decode(state.read("/data/web/" .. OUTCOME) or "{}") or {}
    return { state = kept.state or "idle", reason = kept.reason or "", version = kept.version or "" }
end

-- The newest version that the cloud has told, where another one runs.
function update.newer()
    local told = (state.read("/run/hub/newest") or ""):match('"version"%s*:%s*"([%w.]+)"')
    return told ~= state.identity().VERSION and told or nil
end

-- Behind a start the page may be there before swupdate is; one that has ended is started again.
local function await_swupdate()
    for _ = 1, 100 do
        if exists(READY) then return end
        time.nanosleep { tv_sec = 0, tv_nsec = 100000000 }
    end
end

local function receive(octets, read)
    local file = assert(io.open(IMAGE, "wb"))
    while octets > 0 do
        local chunk = read(math.min(octets, CHUNK))
        if not chunk then break end
        file:write(chunk)
        octets = octets - #chunk
    end
    file:close()
end

local function output(command)
    local pipe = assert(io.popen(command .. " 2>&1; echo \"exit=$?\""))
    local said = pipe:read("a")
    pipe:close()
    return said, said:match("exit=(%d+)%s*$") == "0"
end

-- swupdate tells its client that it failed, and the log why. `before` is the last record from before; the second result
-- is whether swupdate's last word is there.
local function complaints(before)
    local lines, said, ended = state.records(40), "", false
    for at = #lines, 1, -1 do
        if lines[at] == before then break end
        if lines[at]:find("swupdate .*ERROR") then said = lines[at] .. said end
        ended = ended or lines[at]:find("swupdate .*IDLE") ~= nil
    end
    return said, ended
end

local function reason(before)
    local said, ended = complaints(before)
    for _ = 1, 20 do -- the log is written by another program
        if ended then break end
        time.nanosleep { tv_sec = 0, tv_nsec = 50000000 }
        said, ended = complaints(before)
    end
    for _, row in ipairs(REFUSALS) do if said:find(row[1]) then return row[2] end end
    return "malformed image"
end

-- Returns the outcome: installing, busy, or rejected with a reason. What installs is written by /usr/lib/hub/install,
-- which restarts the device.
function update.install(octets, read, user, source)
    if exists(CHECKED) then return { state = "busy" } end
    receive(octets, read)
    await_swupdate()
    local before = state.records(1)[1]
    local head = io.open(IMAGE, "rb"):read(4096) or ""
    local version = head:match('version%s*=%s*"([%w.]+)"') or ""
    local _, good = output("TMPDIR=/run/hub/update swupdate-client -d -v " .. IMAGE)
    if good then
        os.rename(IMAGE, CHECKED)
        os.execute("/usr/lib/hub/install " .. CHECKED .. " '" .. version .. "' </dev/null >/dev/null 2>&1 &")
        return { state = "installing", version = version }
    end
    local digest = output("sha256sum " .. IMAGE):match("^%x+") or "-"
    os.remove(IMAGE)
    local outcome = { state = "rejected", reason = reason(before), version = version }
    state.save(OUTCOME, json.encode(outcome))
    state.log("UPDREJECT", { version = version, reason = outcome.reason, digest = digest, user = user, src = source })
    return outcome
end

return update
