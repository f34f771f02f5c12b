-- JSON as this device needs it: any table is written; an object of strings is read.
local json = {}
local ESCAPED = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
local READ = { n = "\n", r = "\r", t = "\t", b = "\b", f = "\f" }

local function quoted(text)
    text = text:gsub('["\\%c]', function(c) return ESCAPED[c] or ("\\u%04x"):format(c:byte()) end)
    return '"' .. text .. '"'
end

function json.encode(value)
    if type(value) == "string" then return quoted(value) end
    if type(value) ~= "table" then return tostring(value) end
    local parts = {}
    if #value > 0 or value.array then
        for _, each in ipairs(value) do parts[#parts + 1] = json.encode(each) end
        return "[" .. table.concat(parts, ", ") .. "]"
    end
    local names = {}
    for name in pairs(value) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do parts[#parts + 1] = quoted(name) .. ": " .. json.encode(value[name]) end
    return "{" .. table.concat(parts, ", ") .. "}"
end

local function string_at(text, at)
    local from = text:match('^%s*"()', at)
    if not from then return nil end
    local parts = {}
    while true do
        local plain, stop = text:match('^([^"\\]*)()', from)
        parts[#parts + 1] = plain
        local mark = text:sub(stop, stop)
        if mark == '"' then return table.concat(parts), stop + 1 end
        if mark ~= "\\" then return nil end
        local kind = text:sub(stop + 1, stop + 1)
        local hex = kind == "u" and text:match("^%x%x%x%x", stop + 2)
        if kind == "u" and not hex or kind == "" then return nil end
        parts[#parts + 1] = hex and utf8.char(tonumber(hex, 16)) or READ[kind] or kind
        from = stop + (hex and 6 or 2)
    end
end

-- Returns the object, or nil where it is none or holds anything but strings.
function json.decode(text)
    local at = text:match("^%s*{()")
    if not at then return nil end
    local object = {}
    if text:match("^%s*}%s*$", at) then return object end
    while true do
        local name, after = string_at(text, at)
        local colon = name and text:match("^%s*:()", after)
        if not colon then return nil end
        local value, stop = string_at(text, colon)
        if not value then return nil end
        object[name] = value
        local mark, following = text:match("^%s*([,}])()", stop)
        if mark == "}" then return text:match("^%s*$", following) and object or nil end
        if mark ~= "," then return nil end
        at = following
    end
end

return json
