using System.Globalization;
using System.Text;
using Taishang.Core.Vectors.Json;

namespace Taishang.Core.Tests.Vectors;

public sealed class FloatArrayParserTests
{
    private const int Seed = 20261122;

    [Fact]
    public void Every_written_form_of_a_float_is_read_as_the_runtime_reads_it()
    {
        var random = new Random(Seed);
        var texts = new List<string>();
        for (var i = 0; i < 200_000; i++)
        {
            var value = BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
            if (!float.IsFinite(value)) continue;
            texts.Add(value.ToString("R", CultureInfo.InvariantCulture).Replace("E+", "e", StringComparison.Ordinal));
            // As double, in seventeen digits: the form in which many clients send their float32.
            texts.Add(((double)(float)random.NextDouble()).ToString("G17", CultureInfo.InvariantCulture));
            texts.Add((random.NextDouble() * 2 - 1).ToString("F6", CultureInfo.InvariantCulture));
        }

        AssertSame(texts);
    }

    [Fact]
    public void Numbers_near_the_middle_between_two_floats_are_rounded_exactly()
    {
        var random = new Random(Seed);
        var texts = new List<string>();
        for (var i = 0; i < 50_000; i++)
        {
            var low = (float)(random.NextDouble() + 0.5);
            var high = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(low) + 1);
            var middle = ((decimal)low + (decimal)high) / 2;
            var exact = (((double)low + high) / 2).ToString("F25", CultureInfo.InvariantCulture);
            texts.Add(exact);
            texts.Add(exact.TrimEnd('0') + "1");
            texts.Add(middle.ToString(CultureInfo.InvariantCulture));
            // In few digits: an odd number above 2^24 is a middle, and a hair beside it no double tells from it.
            var odd = (random.Next(1 << 23, 1 << 24) * 2) + 1;
            texts.Add($"{odd}");
            texts.Add($"{odd}.0000000001");
            texts.Add($"{odd - 1}.9999999999");
            texts.Add($"{odd}0000001e-7");
        }

        AssertSame(texts);
    }

    [Theory]
    [InlineData("[]", 0)]
    [InlineData("[ ]", 0)]
    [InlineData("[0]", 1)]
    [InlineData("[-0, 0.0 ,0e5\n,\t1E+2]", 4)]
    [InlineData("[123456789012345678901234567890, 1e-60, 0.00000000000000000000000000000001]", 3)]
    [InlineData("[3.4028235e38, -3.4028235e38, 1e-45]", 3)]
    public void What_is_a_plain_array_of_numbers_is_read(string json, int count)
    {
        using var buffer = new FloatBuffer();

        Assert.True(FloatArrayParser.TryParse(Encoding.UTF8.GetBytes(json), 1, buffer, out var end));

        Assert.Equal(count, buffer.Count);
        Assert.Equal(json.Length - 1, end);
    }

    [Theory]
    [InlineData("[1,]")]
    [InlineData("[,1]")]
    [InlineData("[1 2]")]
    [InlineData("[01]")]
    [InlineData("[+1]")]
    [InlineData("[.5]")]
    [InlineData("[5.]")]
    [InlineData("[1e]")]
    [InlineData("[1e+]")]
    [InlineData("[--1]")]
    [InlineData("[-]")]
    [InlineData("[1e40]")]
    [InlineData("[-1e40]")]
    [InlineData("[1e99999999999]")]
    [InlineData("[NaN]")]
    [InlineData("[Infinity]")]
    [InlineData("[\"1\"]")]
    [InlineData("[[1]]")]
    [InlineData("[null]")]
    [InlineData("[0x10]")]
    [InlineData("[1")]
    [InlineData("[1,")]
    [InlineData("[")]
    public void Whatever_else_it_is_is_left_to_the_strict_reader(string json)
    {
        using var buffer = new FloatBuffer();

        Assert.False(FloatArrayParser.TryParse(Encoding.UTF8.GetBytes(json), 1, buffer, out _));
    }

    private static void AssertSame(List<string> texts)
    {
        using var buffer = new FloatBuffer();
        var json = Encoding.UTF8.GetBytes("[" + string.Join(",", texts) + "]");
        Assert.True(FloatArrayParser.TryParse(json, 1, buffer, out _), $"seed {Seed}");
        for (var i = 0; i < texts.Count; i++)
        {
            var expected = float.Parse(texts[i], CultureInfo.InvariantCulture);
            Assert.True(
                BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(buffer.Written[i]),
                $"seed {Seed}: {texts[i]} is {expected:R}, read as {buffer.Written[i]:R}");
        }
    }
}
