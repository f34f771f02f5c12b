-- Keeps a connection to the maker's cloud: tells that the hub lives, and asks for the newest firmware, over and over.
local socket = require "socket"
local ssl = require "ssl"
local ADDRESS, PORT, HOST, SERIAL, VERSION = table.unpack(arg)
local NEWEST = "/run/hub/newest"
local SECONDS, EVERY_SECONDS = 3, 1.5
local LOST_SECONDS, REFUSED_SECONDS = 0.05, 0.1 -- until it connects again
local MOST_OCTETS = 4096
local SUBJECT_ALT_NAME = "2.5.29.17"

local context = assert(ssl.newcontext({
    mode = "client",
    protocol = "any",
    options = { "no_sslv3", "no_tlsv1", "no_tlsv1_1" },
    ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20",
    cafile = "/run/factory/cloud_ca.pem",
    verify = "peer",
}))

-- Whether the certificate is for the cloud's name (RFC 6125, without wildcards).
local function is_named(certificate)
    local names = certificate:extensions()[SUBJECT_ALT_NAME]
    for _, name in ipairs(names and names.dNSName or {}) do
        if name:lower() == HOST:lower() then return true end
    end
    return false
end

-- Returns a connection to whoever has shown that it is the cloud, or nil.
local function connect()
    local plain = socket.tcp()
    plain:settimeout(SECONDS)
    local connection = plain:connect(ADDRESS, PORT) and ssl.wrap(plain, context)
    if not connection then
        plain:close()
        return nil
    end
    connection:sni(HOST)
    connection:settimeout(SECONDS)
    if connection:dohandshake() and is_named(connection:getpeercertificate()) then return connection end
    connection:close()
    return nil
end

-- Returns the body of the answer to a request; nil for what is none, or comes too slowly, or is too long.
local function ask(connection, request)
    if not connection:send(request) then return nil end
    local head, till = "", socket.gettime() + SECONDS
    while not head:find("\r\n\r\n", -4, true) do
        connection:settimeout(math.max(0, till - socket.gettime()))
        local octet = #head < MOST_OCTETS and connection:receive(1)
        if not octet then return nil end
        head = head .. octet
    end
    local octets = tonumber(head:lower():match("\r\ncontent%-length: *(%d+) *\r\n") or "0")
    if octets > MOST_OCTETS then return nil end
    connection:settimeout(math.max(0, till - socket.gettime()))
    return octets == 0 and "" or connection:receive(octets)
end

local function keep(answer)
    if not answer:find('"version"', 1, true) then return end
    local file = assert(io.open(NEWEST .. ".part", "wb"))
    file:write(answer)
    file:close()
    assert(os.rename(NEWEST .. ".part", NEWEST))
end

local body = ('{"serial": "%s", "firmware": "%s"}'):format(SERIAL, VERSION)
local heartbeat = "POST /v1/heartbeat HTTP/1.1\r\nHost: " .. HOST
    .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
local question = "GET /v1/firmware?version=" .. VERSION .. " HTTP/1.1\r\nHost: " .. HOST .. "\r\n\r\n"
while true do
    local connection = connect()
    local pause = connection and LOST_SECONDS or REFUSED_SECONDS
    while connection do
        local newest = ask(connection, heartbeat) and ask(connection, question)
        if newest then keep(newest) end
        -- What comes unasked is the end of the connection, or nothing that can be trusted.
        if not newest or #socket.select({ connection }, nil, EVERY_SECONDS) > 0 then
            connection:close()
            connection = nil
        end
    end
    socket.sleep(pause)
end
