using Taishang.Ai.Indexes;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Indexes;

public sealed class PinFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_written_last_is_read_and_nothing_where_nothing_was_written()
    {
        Assert.Null(PinFile.Read(_folder.Path));
        foreach (var isPinned in (bool[])[true, false, true])
        {
            PinFile.Write(_folder.Path, isPinned);
            Assert.Equal(isPinned, PinFile.Read(_folder.Path));
        }
    }

    [Fact]
    public void A_changed_bit_a_cut_and_a_longer_file_are_found()
    {
        PinFile.Write(_folder.Path, true);
        var path = _folder.File(PinFile.Name);
        var whole = File.ReadAllBytes(path);
        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            var changed = whole.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            ExpectRefusal(path, changed);
        }

        for (var length = 0; length < whole.Length; length++) ExpectRefusal(path, whole[..length]);
        ExpectRefusal(path, [.. whole, 0]);
    }

    private void ExpectRefusal(string path, byte[] content)
    {
        File.WriteAllBytes(path, content);
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => PinFile.Read(_folder.Path)).Message);
    }
}
