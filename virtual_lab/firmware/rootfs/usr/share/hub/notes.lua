-- The household's notes, at rest in one CMS file (AuthEnvelopedData, AES-256-GCM) for a key that the factory gave.
local state = require "state"
local json = require "json"
local notes = { CHARACTERS = 1000, MOST = 200 }
local STORE, KEYS = "/data/web/notes.cms", "/run/hub/notes/"
local CERTIFICATE, KEY = KEYS .. "certificate.pem", KEYS .. "key.pem"
local SEAL = "openssl cms -encrypt -binary -aes-256-gcm -outform DER -recip " .. CERTIFICATE .. " -out "
local OPEN = "openssl cms -decrypt -binary -inform DER -recip " .. CERTIFICATE .. " -inkey " .. KEY .. " -in "

-- Returns the notes, each as JSON; nil where what is stored cannot be opened.
local function stored()
    local lines = {}
    if not state.read(STORE) then return lines end
    local pipe = assert(io.popen(OPEN .. STORE .. " 2>/dev/null"))
    local content = pipe:read("a")
    if not pipe:close() then return nil end
    for line in content:gmatch("[^\n]+") do lines[#lines + 1] = line end
    return lines
end

function notes.all()
    local every, found = stored(), { array = true }
    for _, line in ipairs(every or {}) do found[#found + 1] = json.decode(line) end
    return every and found
end

-- Adds a note; returns why it is not taken, or nil.
function notes.add(title, text)
    if #title > notes.CHARACTERS or #text > notes.CHARACTERS then return "a note takes up to 1000 characters" end
    local lines = stored()
    if not lines then return "the notes cannot be opened" end
    if #lines >= notes.MOST then return "there is no room for more notes" end
    lines[#lines + 1] = json.encode({ title = title, text = text })
    local draft = STORE .. ".new"
    local pipe = assert(io.popen(SEAL .. draft .. " 2>/dev/null", "w"))
    pipe:write(table.concat(lines, "\n"), "\n")
    if not pipe:close() or not os.rename(draft, STORE) then return "the notes cannot be written" end
    state.flush()
    return nil
end

function notes.delete()
    os.remove(STORE)
    state.flush()
end

return notes
