using System.Collections;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Taishang.Core.ServiceCalls;

/// <summary>
/// A message as JSON for the record. It stays valid JSON however much is left out: floats become their count, texts and
/// lists are cut where they stand, and when the limit comes near the rest of a message is one mark. The work done grows
/// with the limit, not with the message. Not safe for two threads.
/// </summary>
internal sealed class RecordedJson(int charsMax)
{
    private const int TextCharsMax = 200;
    private const int ListItemsMax = 3;
    private const int DepthMax = 16;

    /// <summary>Room for one more value and for all closing brackets.</summary>
    private const int Reserve = TextCharsMax + 160;

    private readonly StringBuilder _text = new(charsMax);
    private readonly Dictionary<MessageDescriptor, RecordedField[]> _fields = [];

    private bool IsFull => _text.Length > charsMax - Reserve;

    public string Write(IMessage message)
    {
        _text.Clear();
        WriteMessage(message, 0);
        return _text.ToString();
    }

    private void WriteMessage(IMessage message, int depth)
    {
        _text.Append('{');
        var first = true;
        foreach (var field in FieldsOf(message))
        {
            if (field.ValueIn(message) is not { } value) continue;
            if (!first) _text.Append(',');
            first = false;
            if (IsFull || depth >= DepthMax)
            {
                _text.Append("\"…\":\"cut\"");
                break;
            }

            _text.Append(field.Key);
            if (field.IsRepeated) WriteList(field, (ICollection)value, depth);
            else WriteValue(field, value, depth);
        }

        _text.Append('}');
    }

    private RecordedField[] FieldsOf(IMessage message)
    {
        if (_fields.TryGetValue(message.Descriptor, out var fields)) return fields;
        fields = message.Descriptor.Fields.InFieldNumberOrder().Select(field => new RecordedField(field)).ToArray();
        return _fields[message.Descriptor] = fields;
    }

    private void WriteList(RecordedField field, ICollection list, int depth)
    {
        if (field.IsCounted)
        {
            _text.Append("{\"dims\":").Append(list.Count).Append('}');
            return;
        }

        _text.Append('[');
        var written = 0;
        foreach (var item in list)
        {
            if (written > 0) _text.Append(',');
            if (written >= ListItemsMax || IsFull)
            {
                _text.Append("\"… ").Append(list.Count - written).Append(" more\"");
                break;
            }

            WriteValue(field, item, depth);
            written++;
        }

        _text.Append(']');
    }

    private void WriteValue(RecordedField field, object value, int depth)
    {
        switch (value)
        {
            case IMessage message:
                WriteMessage(message, depth + 1);
                break;
            case string text:
                WriteText(field, text);
                break;
            case ByteString bytes:
                WriteBytes(field, bytes);
                break;
            case bool flag:
                _text.Append(flag ? "true" : "false");
                break;
            case Enum name:
                _text.Append('"').Append(name).Append('"');
                break;
            case float or double when !double.IsFinite(Convert.ToDouble(value)):
                _text.Append('"').Append(value).Append('"');
                break;
            default:
                _text.Append(value);
                break;
        }
    }

    private void WriteText(RecordedField field, string text)
    {
        // A model's configuration may hold keys, an endpoint may hold a password: neither belongs into a record.
        if (field.Name == "config_json") _text.Append("{\"chars\":").Append(text.Length).Append('}');
        else WriteQuoted(field.Name == "endpoint" ? WithoutSecrets(text) : text, text.Length);
    }

    private void WriteBytes(RecordedField field, ByteString bytes)
    {
        if (!field.Name.EndsWith("_json", StringComparison.Ordinal))
        {
            _text.Append("{\"bytes\":").Append(bytes.Length).Append('}');
            return;
        }

        // Four bytes are at most a character, and the decoder marks what the cut or the sender broke.
        var head = bytes.Span[..Math.Min(bytes.Length, TextCharsMax * 4)];
        WriteQuoted(Encoding.UTF8.GetString(head), bytes.Length);
    }

    private static string WithoutSecrets(string endpoint) =>
        Uri.TryCreate(endpoint, UriKind.Absolute, out var uri)
            ? uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped)
            : "not a URL";

    private void WriteQuoted(string text, int wholeLength)
    {
        _text.Append('"');
        var end = _text.Length + TextCharsMax;
        var i = 0;
        for (; i < text.Length && _text.Length < end; i++)
        {
            var c = text[i];
            if (c is '"' or '\\') _text.Append('\\').Append(c);
            else if (c == '\n') _text.Append("\\n");
            else if (char.IsControl(c)) _text.Append($"\\u{(int)c:x4}");
            else if (!char.IsSurrogate(c)) _text.Append(c);
            else if (i + 1 < text.Length && char.IsSurrogatePair(c, text[i + 1])) _text.Append(c).Append(text[++i]);
            else _text.Append('\ufffd');
        }

        if (i < text.Length) _text.Append("… (").Append(wholeLength).Append(')');
        _text.Append('"');
    }
}
