-- The administration page: answers one request at a time. State lies in /data/web, sessions in /run/hub/sessions.
local state = require "state"
local json = require "json"
local notes = require "notes"
local update = require "update"
local MODEL = "Halcyon Hub"
local SETTING_CHARACTERS = 64
local FORM_OCTETS = 4096
local SHOWN_RECORDS = 500
local REASONS = {
    [200] = "OK", [202] = "Accepted", [303] = "See Other", [400] = "Bad Request", [401] = "Unauthorized",
    [403] = "Forbidden", [404] = "Not Found", [405] = "Method Not Allowed", [413] = "Content Too Large",
    [409] = "Conflict", [422] = "Unprocessable Content", [500] = "Internal Server Error",
}

-- The request that is being answered: method, path, source, octets of its body, token, read(octets), write(text).
local request

local function respond(status, kind, body, headers)
    local head = {
        "Status: " .. status .. " " .. REASONS[status], "Content-Type: " .. kind, "Cache-Control: no-store",
        "Content-Length: " .. #body, "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY",
        "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'",
        "Strict-Transport-Security: max-age=31536000", table.unpack(headers or {}),
    }
    request.write(table.concat(head, "\r\n") .. "\r\n\r\n" .. body)
end

local function answer(status, value) respond(status, "application/json", json.encode(value) .. "\n") end

local function escape(text) return (text:gsub("[&<>\"']", function(c) return "&#" .. c:byte() .. ";" end)) end

local function page(status, body, headers)
    respond(status, "text/html; charset=utf-8", "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>"
        .. MODEL .. "</title></head>\n<body>\n<h1>" .. MODEL .. "</h1>\n" .. body .. "\n</body>\n</html>\n", headers)
end

local function form(status, notice)
    page(status, (notice and "<p role=\"alert\">" .. notice .. "</p>\n" or "")
        .. "<form method=\"post\" action=\"/login\">\n<p><label>User name <input name=\"username\"></label></p>\n"
        .. "<p><label>Password <input name=\"password\" type=\"password\"></label></p>\n"
        .. "<p><button type=\"submit\">Log in</button></p>\n</form>")
end

local function body() return request.octets > 0 and request.read(request.octets) or "" end

local function fields()
    local found = {}
    for name, value in body():gmatch("([^&=]+)=([^&]*)") do
        value = value:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
        found[name] = value
    end
    return found
end

local routes = {}

routes["/"] = { GET = { function() form(200) end } }

local function login()
    local sent = fields()
    local user, password = sent.username or "", sent.password or ""
    local role = state.login(user, password, request.source)
    if not role then return form(401, "Login incorrect") end
    local cookie = "session=" .. state.begin(user, role) .. "; HttpOnly; Secure; SameSite=Strict; Path=/"
    respond(303, "text/plain", "", { "Location: /home", "Set-Cookie: " .. cookie })
end
routes["/login"] = { GET = { function() form(200) end }, POST = { login } }

local function logout()
    state.finish(request.token)
    respond(303, "text/plain", "",
        { "Location: /login", "Set-Cookie: session=; HttpOnly; Secure; SameSite=Strict; Path=/; Max-Age=0" })
end
routes["/logout"] = { GET = { logout }, POST = { logout } }

local function home(who)
    if not who then return respond(303, "text/plain", "", { "Location: /login" }) end
    local newest = update.newer()
    page(200, "<p>Signed in as " .. escape(who.user) .. " (" .. who.role .. ")</p>\n<p>Device: "
        .. escape(state.settings().device_name) .. "</p>\n"
        .. (newest and "<p role=\"status\">Update available: " .. escape(newest) .. "</p>\n" or "")
        .. "<form method=\"post\" action=\"/logout\"><button>Log out</button></form>")
end
routes["/home"] = { GET = { home } }

local function status()
    local identity = state.identity()
    answer(200, {
        model = MODEL, serial = identity.SERIAL, mac = identity.MAC, boot_id = identity.BOOT_ID,
        uptime_s = state.uptime(), firmware = { version = identity.VERSION, slot = identity.SLOT },
    })
end
routes["/api/status"] = { GET = { status, { "administrator", "viewer" } } }

local function change_settings(who)
    local changes = json.decode(body())
    if not changes or not next(changes) then return answer(400, { error = "an object with settings is expected" }) end
    local settings = state.settings()
    for name, value in pairs(changes) do
        if settings[name] == nil then return answer(400, { error = "unknown field" }) end
        if #value > SETTING_CHARACTERS or value:find("%c") then
            return answer(400, { error = "a setting takes up to 64 printable characters" })
        end
    end
    for name, value in pairs(changes) do
        settings[name] = value
        state.log("CONFIG", { user = who.user, src = request.source, field = name })
    end
    state.save("settings.json", json.encode(settings))
    answer(200, { state = "saved" })
end
routes["/api/settings"] = {
    GET = { function() answer(200, state.settings()) end, { "administrator", "viewer" } },
    PUT = { change_settings, { "administrator" } },
}

local function upload(who)
    local outcome = update.install(request.octets, request.read, who and who.user or "-", request.source)
    if outcome.state == "rejected" then return answer(422, outcome) end
    if outcome.state == "busy" then return answer(409, { error = "an update is being installed" }) end
    answer(202, { state = "installing", version = outcome.version })
end
routes["/api/update"] = {
    GET = { function() answer(200, update.outcome()) end, { "administrator" } },
    POST = { upload, { "administrator" }, update.MOST_OCTETS },
}

local function change_password(who)
    local sent = json.decode(body()) or {}
    if not sent.old or not sent.new then return answer(400, { error = "an object with old and new is expected" }) end
    local objection, wrong = state.change_password(who, sent.old, sent.new, request.token)
    if wrong then return answer(403, { error = "the old password is wrong" }) end
    if objection then return answer(400, { error = objection }) end
    state.log("CONFIG", { user = who.user, src = request.source, field = "password" })
    answer(200, { state = "changed" })
end
routes["/api/password"] = { POST = { change_password, { "administrator", "viewer" } } }

local function show_notes()
    local every = notes.all()
    if not every then return answer(500, { error = "the notes cannot be opened" }) end
    answer(200, { notes = every })
end

local function add_note()
    local sent = json.decode(body()) or {}
    if not sent.title or not sent.text then return answer(400, { error = "an object with title and text is expected" }) end
    local objection = notes.add(sent.title, sent.text)
    if objection then return answer(400, { error = objection }) end
    answer(200, { state = "saved" })
end

local function delete_notes()
    notes.delete()
    answer(200, { state = "deleted" })
end
routes["/api/notes"] = {
    GET = { show_notes, { "administrator", "viewer" } },
    POST = { add_note, { "administrator" } },
    DELETE = { delete_notes, { "administrator" } },
}

local function restart()
    state.ask("reboot")
    answer(202, { state = "restarting" })
end
routes["/api/reboot"] = { POST = { restart, { "administrator" } } }

local function reset(who)
    state.ask("reset user=\"" .. who.user .. "\" src=\"" .. request.source .. "\"")
    answer(202, { state = "resetting" })
end
routes["/api/reset"] = { POST = { reset, { "administrator" } } }

local function clear_log(who)
    state.ask("log")
    state.log("LOGCLEAR", { user = who.user, src = request.source })
    answer(200, { state = "cleared" })
end
routes["/api/log"] = {
    GET = { function() answer(200, { records = state.records(SHOWN_RECORDS) }) end, { "administrator" } },
    DELETE = { clear_log, { "administrator" } },
}

local function health()
    local outcome = update.outcome()
    local services, running = {}, true
    local programs = state.programs()
    for service, program in pairs({ ["tcp/22"] = "sshd", ["tcp/443"] = "lighttpd", ["tcp/8883"] = "mosquitto" }) do
        services[service] = programs[program] and "running" or "stopped"
        running = running and services[service] == "running"
    end
    answer(200, {
        state = running and "healthy" or "degraded", services = services, failed_logins = state.failures(),
        last_update = { state = outcome.state, version = outcome.version },
    })
end
routes["/api/health"] = { GET = { health, { "administrator", "viewer" } } }

local function permitted(route, who)
    if not route[2] then return true end
    if not who then return false, 401, "login required" end
    for _, role in ipairs(route[2]) do if role == who.role then return true end end
    return false, 403, "not permitted"
end

local function serve(asked)
    request = asked
    local known = routes[request.path]
    if not known then return answer(404, { error = "no such page" }) end
    local route = known[request.method]
    if not route then return answer(405, { error = "method not allowed" }) end
    local who = state.session(request.token)
    local may, code, refusal = permitted(route, who)
    if not may then return answer(code, { error = refusal }) end
    if request.octets > (route[3] or FORM_OCTETS) then return answer(413, { error = "too large" }) end
    route[1](who)
end

return serve
