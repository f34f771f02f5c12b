-- The processes behind lighttpd: a few that answer one request at a time each (SCGI), and one that keeps their number.
package.path = "/usr/share/hub/?.lua;" .. package.path
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local stdio = require "posix.stdio"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"
local admin = require "admin"
local state = require "state"
local LISTENING = 0 -- lighttpd hands over its socket in place of the standard input
local PROCESSES = 4
local HEAD_DIGITS, CHUNK = 5, 65536

-- Returns the variables of a request: a netstring of names and values, each with a zero behind it. The body follows.
local function variables(stream)
    local digits, mark = "", stream:read(1)
    while mark and mark:find("%d") and #digits < HEAD_DIGITS do digits, mark = digits .. mark, stream:read(1) end
    local head = mark == ":" and stream:read(tonumber(digits) or 0)
    if not head or stream:read(1) ~= "," then return nil end
    local found = {}
    for name, value in head:gmatch("([^\0]+)\0([^\0]*)\0") do found[name] = value end
    return found
end

local function send(connection, text)
    for at = 1, #text, CHUNK do
        local part = text:sub(at, at + CHUNK - 1)
        while #part > 0 do
            local sent = unistd.write(connection, part)
            if not sent then return end
            part = part:sub(sent + 1)
        end
    end
end

local function answer(connection)
    local stream = stdio.fdopen(connection, "r")
    local sent = variables(stream)
    if sent then
        admin({
            method = sent.REQUEST_METHOD or "GET",
            path = (sent.REQUEST_URI or "/"):match("^[^?]*"),
            source = (sent.REMOTE_ADDR or "-"):gsub("^::ffff:", ""),
            octets = tonumber(sent.CONTENT_LENGTH or "") or 0,
            token = (";" .. (sent.HTTP_COOKIE or "")):match("[; ]session=(%x+)"),
            read = function(octets) return stream:read(octets) end,
            write = function(text) send(connection, text) end,
        })
    end
    stream:close()
end

local function work()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    while true do
        local connection = socket.accept(LISTENING)
        local done, fault = true, nil
        if connection then done, fault = pcall(answer, connection) end
        if not done then
            state.log("FAULT", { service = "http", reason = fault })
            os.exit(1) -- what is open is closed, and lighttpd says that it went wrong
        end
    end
end

local working = {}
signal.signal(signal.SIGTERM, function()
    for process in pairs(working) do signal.kill(process, signal.SIGTERM) end
    os.exit(0)
end)
for _ = 1, PROCESSES do
    local process = unistd.fork()
    if process == 0 then work() end
    working[process] = true
end
while true do
    local ended = wait.wait()
    if ended and working[ended] then
        working[ended] = nil
        local process = unistd.fork()
        if process == 0 then work() end
        working[process] = true
    end
end
