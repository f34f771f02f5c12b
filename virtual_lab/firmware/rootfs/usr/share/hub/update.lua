-- Updates: hands an uploaded image to swupdate, which checks and writes it, and keeps what came of it.
local state = require "state"
local json = require "json"
local update = { MOST_OCTETS = 25165824 }
local IMAGE, OUTCOME = "/run/hub/upload/image", "outcome.json"
local CHUNK = 65536
local REFUSALS = {
    { "owngrad", "not newer" }, { "einstall", "not newer" },
    { "hardware", "wrong model" }, { "HASH mismatch", "payload digest wrong" }, { "hecksum", "payload digest wrong" },
    { "ignature", "signature wrong" }, { "igner", "signature wrong" }, { "ertificate", "signature wrong" },
}

function update.outcome()
    local kept = json.decode(state.read("/data/web/" .. OUTCOME) or "{}") or {}
    return { state = kept.state or "idle", reason = kept.reason or "", version = kept.version or "" }
end

-- The newest version that the cloud has told, where another one runs.
function update.newer()
    local told = (state.read("/run/hub/newest") or ""):match('"version"%s*:%s*"([%w.]+)"')
    return told ~= state.identity().VERSION and told or nil
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

-- swupdate tells its client that it failed, and the log why.
local function reason()
    local lines, said = state.records(40), ""
    for at = #lines, 1, -1 do
        if lines[at]:find("Software Update started", 1, true) then break end
        if lines[at]:find("swupdate .*ERROR") then said = lines[at] .. said end
    end
    for _, row in ipairs(REFUSALS) do if said:find(row[1]) then return row[2] end end
    return "malformed image"
end

-- Returns the outcome: installed, or rejected with a reason. The device is not restarted here.
function update.install(octets, read, user, source)
    receive(octets, read)
    local digest = output("openssl dgst -sha256 -r " .. IMAGE):match("^%x+") or "-"
    local head = io.open(IMAGE, "rb"):read(4096) or ""
    local version = head:match('version%s*=%s*"([%w.]+)"') or ""
    local _, taken = output("TMPDIR=/run/hub/update swupdate-client -v " .. IMAGE)
    os.remove(IMAGE)
    local outcome = { state = taken and "installed" or "rejected", reason = taken and "" or reason(), version = version }
    state.save(OUTCOME, json.encode(outcome))
    if taken then
        state.save("installed", version)
    else
        state.log("UPDREJECT", { version = version, reason = outcome.reason, digest = digest, user = user, src = source })
    end
    return outcome
end

return update
