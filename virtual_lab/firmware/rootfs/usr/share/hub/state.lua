-- Accounts, sessions, settings and the log of the administration page; no HTTP is in here.
local unistd = require "posix.unistd"
local syslog = require "posix.syslog"
local stat = require "posix.sys.stat"
local dirent = require "posix.dirent"
local stdio = require "posix.stdio"
local fcntl = require "posix.fcntl"
local utime = require "posix.utime"
local json = require "json"
local state = {}
local DATA, SESSIONS, IDENTITY = "/data/web/", "/run/hub/sessions/", "/run/hub/identity"
local IDLE_SECONDS, MOST_SESSIONS = 15, 64
local ATTEMPTS, WINDOW_SECONDS, LOCKED_SECONDS = 10, 60, 2
local LEAST_CHARACTERS, MOST_CHARACTERS = 10, 128
local ROUNDS = "$6$rounds=1000$" -- as the factory has it: what this processor can bear
local NO_HASH = ROUNDS .. "nobody$" .. ("."):rep(86)
local COMMON = { ["0123456789"] = true, ["1234567890"] = true, ["password123"] = true, ["password1234"] = true,
    ["qwertyuiop"] = true, ["administrator"] = true, ["adminadmin"] = true, ["changeme123"] = true,
    ["1q2w3e4r5t"] = true, ["qwerty12345"] = true, ["iloveyou123"] = true, ["welcome123"] = true }

function state.read(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local content = file:read("a")
    file:close()
    return content
end

-- Replaces a file in one step: a power cut leaves the old content or the new one. What is `kept` is on the disk then.
local function replace(path, content, kept)
    local temporary = path .. "." .. unistd.getpid()
    local file = assert(io.open(temporary, "wb"))
    file:write(content)
    file:flush()
    if kept then unistd.fsync(stdio.fileno(file)) end
    file:close()
    assert(os.rename(temporary, path))
    if kept then
        local folder = assert(fcntl.open(DATA, fcntl.O_RDONLY))
        unistd.fsync(folder)
        unistd.close(folder)
    end
end

function state.save(name, content) replace(DATA .. name, content, true) end

function state.flush() unistd.sync() end

function state.identity()
    local found = {}
    for name, value in (state.read(IDENTITY) or ""):gmatch("(%u[%u_]*)=([^\n]*)") do found[name] = value end
    return found
end

function state.uptime() return math.floor(tonumber((state.read("/proc/uptime") or "0"):match("[%d.]+"))) end

function state.settings()
    local settings = { device_name = "hub", greeting = "" }
    for name, value in pairs(json.decode(state.read(DATA .. "settings.json") or "{}") or {}) do settings[name] = value end
    return settings
end

function state.log(event, words)
    local names, parts = {}, {}
    for name in pairs(words) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        local value = tostring(words[name]):gsub('[%c]', "?"):gsub('["\\%]]', "\\%0"):sub(1, 200)
        parts[#parts + 1] = name .. '="' .. value .. '"'
    end
    syslog.openlog("hub", syslog.LOG_PID, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_NOTICE, (event .. " " .. table.concat(parts, " ")))
    syslog.closelog()
end

function state.ask(words)
    local pipe = io.open("/run/hub/request", "w")
    if pipe then
        pipe:write(words, "\n")
        pipe:close()
    end
end

-- Returns the set of programs that run, by name.
function state.programs()
    local found = {}
    for name in dirent.files("/proc") do
        local program = name:match("^%d+$") and state.read("/proc/" .. name .. "/comm")
        if program then found[program:match("^[^\n]*")] = true end
    end
    return found
end

local function tail(path, octets)
    local file = io.open(path, "rb")
    if not file then return "" end
    local start = math.max(0, file:seek("end") - octets)
    file:seek("set", start)
    local content = file:read("a")
    file:close()
    return start > 0 and content:gsub("^[^\n]*\n", "") or content
end

function state.records(most)
    local lines = { array = true }
    for _, name in ipairs({ "/data/log/messages.1", "/data/log/messages" }) do
        for line in tail(name, most * 1024):gmatch("[^\n]+") do lines[#lines + 1] = line end
    end
    return table.move(lines, math.max(1, #lines - most + 1), #lines, 1, { array = true })
end

local function random_hex(octets)
    local file = assert(io.open("/dev/urandom", "rb"))
    local drawn = file:read(octets)
    file:close()
    return (drawn:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function accounts()
    local found = {}
    for user, role, hash in (state.read(DATA .. "users") or ""):gmatch("([^:\n]+):([^:\n]+):([^\n]+)") do
        found[user] = { role = role, hash = hash }
    end
    return found
end

local function attempts(user)
    local words = state.read("/run/hub/sessions/attempts." .. user) or ""
    local recent, now = {}, os.time()
    for when in words:gmatch("%d+") do
        if now - tonumber(when) < WINDOW_SECONDS then recent[#recent + 1] = when end
    end
    return recent
end

function state.failures()
    return tonumber(state.read(SESSIONS .. "failures") or "0") or 0
end

-- Returns the role of the account, or nil. Every outcome is logged; a locked account is refused whatever the password.
function state.login(user, password, source)
    local account = accounts()[user]
    local right = unistd.crypt(password, account and account.hash or NO_HASH) == (account or {}).hash
    local recent = account and attempts(user) or {}
    local locked = #recent >= ATTEMPTS and os.time() - tonumber(recent[#recent]) <= LOCKED_SECONDS
    if #recent >= ATTEMPTS and not locked then recent = {} end
    if account and right and not locked then
        os.remove(SESSIONS .. "attempts." .. user)
        state.log("LOGINOK", { user = user, src = source, service = "http" })
        return account.role
    end
    state.log("LOGINFAIL", { user = user, src = source, service = "http" })
    replace(SESSIONS .. "failures", tostring(state.failures() + 1))
    if account and not locked then
        recent[#recent + 1] = tostring(os.time())
        replace(SESSIONS .. "attempts." .. user, table.concat(recent, " "))
        if #recent >= ATTEMPTS then state.log("LOCKOUT", { user = user, src = source, service = "http" }) end
    end
    return nil
end

local function open_sessions()
    local found = {}
    for name in dirent.files(SESSIONS) do
        if name:match("^%x+$") and #name == 64 then found[#found + 1] = name end
    end
    return found
end

-- Notes that a session is used, in seconds since the start: steps of the clock end none. False where it has just been closed.
local function touch(path) return utime.utime(path, state.uptime(), state.uptime()) and true or false end

function state.begin(user, role)
    local known = open_sessions()
    if #known >= MOST_SESSIONS then
        table.sort(known, function(a, b) return stat.stat(SESSIONS .. a).st_mtime < stat.stat(SESSIONS .. b).st_mtime end)
        os.remove(SESSIONS .. known[1])
    end
    local token = random_hex(32)
    replace(SESSIONS .. token, user .. ":" .. role)
    touch(SESSIONS .. token)
    return token
end

-- Returns {user, role} of an open session; one that was idle for too long is closed.
function state.session(token)
    if not token or #token ~= 64 then return nil end
    local path = SESSIONS .. token
    local user, role = (state.read(path) or ""):match("^([^:]+):([^:]+)$")
    if not user then return nil end
    local found = stat.stat(path)
    if not found or state.uptime() - found.st_mtime > IDLE_SECONDS then
        os.remove(path)
        return nil
    end
    return touch(path) and { user = user, role = role } or nil
end

function state.finish(token)
    if token and #token == 64 then os.remove(SESSIONS .. token) end
end

local function objection(user, password)
    local plain, different = password:lower(), {}
    if password:find("%c") or #password > MOST_CHARACTERS then return "a password has at most 128 characters, none hidden" end
    if #password < LEAST_CHARACTERS then return "a password has at least 10 characters" end
    local rest = plain:gsub(user:lower(), "")
    if #rest < LEAST_CHARACTERS / 2 then return "the password is the user name" end
    local kinds = 0
    for c in plain:gmatch(".") do
        if not different[c] then kinds = kinds + 1 end
        different[c] = true
    end
    if COMMON[plain] or kinds < 4 then return "the password is too common" end
    return nil
end

-- Returns why the new password is not taken, or nil, and whether the old one was wrong. Other sessions of the user end.
function state.change_password(who, old, new, token)
    local every = accounts()
    local hash = every[who.user].hash
    if unistd.crypt(old, hash) ~= hash then return nil, true end
    local reason = objection(who.user, new)
    if reason then return reason end
    every[who.user].hash = unistd.crypt(new, ROUNDS .. random_hex(8))
    local lines = {}
    for user, account in pairs(every) do lines[#lines + 1] = user .. ":" .. account.role .. ":" .. account.hash .. "\n" end
    state.save("users", table.concat(lines))
    for _, name in ipairs(open_sessions()) do
        local user = (state.read(SESSIONS .. name) or ""):match("^[^:]+")
        if user == who.user and name ~= token then os.remove(SESSIONS .. name) end
    end
    return nil
end

return state
